import type { Knex } from 'knex';
import { insertAudit } from '../db/audit.ts';
import type { Db } from '../db/connect.ts';
import { readRollout } from '../db/rollout-readings.ts';
import type { RolloutRow } from '../db/rollouts.ts';
import { AppError } from '../errors.ts';
import { judgeStage } from './decide.ts';
import { describeGate, describeRollback } from './incident.ts';
import { changedFlags, type Move, type Mover, moveRollout } from './moves.ts';

export const rolloutsPath = '/api/v1/admin/rollouts';

/** In history and audit log, for what a rollout does by itself. */
const itself = 'rollout guard';

/**
 * Looks at a rollout that has not ended and does what its numbers ask for: rolled back where a guard is broken, also while it is
 * paused; paused where somebody else has set its flags; a stage further where it goes on by itself and nothing is missing.
 * Whatever somebody does meanwhile comes first. Returns what was done.
 */
export async function tendRollout(db: Knex, rollout: RolloutRow): Promise<Move | undefined> {
  if (rollout.paused_because === 'flag_changed') return undefined;
  const wanted = await nextMove(db, rollout);
  if (!wanted) return undefined;
  const { move, ...rest } = wanted;
  const alongside = (transaction: Db, before: RolloutRow, after: RolloutRow) =>
    writeAudit(transaction, move, before, after, rest.reason);
  try {
    await moveRollout(db, rollout.id, move, {
      ...{ by: itself, revision: rollout.revision, alongside, ...rest },
    });
    return move;
  } catch (error) {
    const { code } = error instanceof AppError ? error : { code: undefined };
    // Somebody was quicker: what that comes to is seen next time.
    if (code === 'precondition_failed' || code === 'conflict') return undefined;
    throw error;
  }
}

type Wanted = { move: Move } & Pick<Mover, 'reason' | 'note' | 'gates'>;

async function nextMove(db: Knex, rollout: RolloutRow): Promise<Wanted | undefined> {
  const changed = await changedFlags(db, rollout);
  if (changed.length > 0) {
    const reason = `${changed.join(', ')} was changed outside the rollout.`;
    const note = `${reason} The rollout has let go of its flags: resume sets them again, rollback sets them as before.`;
    const note_ko = `${changed.join(', ')} 플래그가 롤아웃 밖에서 변경되어 롤아웃이 일시 중지되었습니다.`;
    return { move: 'yield', reason, note: { note, note_ko } };
  }
  const readings = await readRollout(db, rollout);
  const { broken, gates, waitsFor } = judgeStage(rollout.plan, rollout.stage, readings);
  if (broken.length > 0) {
    const reason = broken.map((gate) => describeGate(gate).en).join(' ');
    return { move: 'rollback', reason, note: describeRollback(rollout, readings, broken), gates };
  }
  if (rollout.status !== 'running' || !rollout.auto_advance || waitsFor.length > 0) return undefined;
  return { move: 'advance', reason: 'Time, samples and gates of the stage are met.', gates };
}

/** What the audit log tells of a rollout. */
export function brief({ status, stage, revision, expected, paused_because }: RolloutRow) {
  return { status, stage, revision, flags: expected, paused_because };
}

/** As a request would have left it; the actor is the rollout itself. */
async function writeAudit(
  transaction: Db,
  move: Move,
  before: RolloutRow,
  after: RolloutRow,
  reason: string,
): Promise<void> {
  const route = `${rolloutsPath}/{id}/${move === 'yield' ? 'pause' : move}`;
  await insertAudit(transaction, {
    ...{ actorId: after.id, actorName: itself, actorIp: null, method: 'POST', route },
    target: `${rolloutsPath}/${after.id}`,
    before: brief(before),
    after: { ...brief(after), reason },
    error: null,
    requestId: `${after.id}@${after.revision}`,
  });
}
