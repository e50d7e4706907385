import type { Knex } from 'knex';
import { transactionAgain } from '../db/again.ts';
import type { Db } from '../db/connect.ts';
import { lockFlag, readOverrides, writeOverride } from '../db/flags.ts';
import {
  type FlagSettings,
  findRollout,
  insertRollout,
  lockRollout,
  type NewRollout,
  type RolloutChange,
  type RolloutEvent,
  type RolloutRow,
  releaseFlags,
  takeFlags,
  writeRollout,
  writeRolloutEvent,
} from '../db/rollouts.ts';
import { AppError } from '../errors.ts';
import type { FlagKey } from '../flags.ts';
import { sharesIn } from './plan.ts';

export type Move = 'advance' | 'pause' | 'resume' | 'rollback' | 'yield';

/** Who moves a rollout, and what is written down of it. */
export interface Mover {
  by: string;
  reason: string;
  /** Nothing happens unless the rollout is at this revision still. */
  revision: number;
  note?: Pick<RolloutEvent, 'note' | 'note_ko'>;
  gates?: RolloutEvent['gates'];
  /** Done in the same transaction. */
  alongside?: (transaction: Db, before: RolloutRow, after: RolloutRow) => Promise<void>;
}

/** Flags of the rollout that are not as it has set them: somebody else has. */
export async function changedFlags(db: Db, { expected }: Pick<RolloutRow, 'expected'>): Promise<FlagKey[]> {
  const overrides = await readOverrides(db);
  return (Object.keys(expected) as FlagKey[]).filter((key) => {
    const [wanted, now] = [expected[key], overrides.get(key)];
    return (
      !now || now.killed || now.enabled !== wanted?.enabled || now.rollout_percent !== wanted.rollout_percent
    );
  });
}

/** Begins with the first stage. The same id again is the same rollout again. Throws `conflict` where another one has a flag. */
export async function startRollout(
  db: Knex,
  rollout: Omit<NewRollout, 'expected'>,
  { reason, alongside }: Pick<Mover, 'reason' | 'alongside'>,
): Promise<RolloutRow> {
  return transactionAgain(db, async (transaction) => {
    const expected = settingsOf(rollout, 0);
    if (await insertRollout(transaction, { ...rollout, expected })) {
      const [taken] = await takeFlags(transaction, rollout.id, rollout.plan);
      if (taken)
        throw new AppError(
          'conflict',
          `${taken.flag} is in the hands of rollout ${taken.rollout_id}: complete it or roll it back first.`,
        );
      await setFlags(transaction, expected, rollout.created_by, `rollout ${rollout.name}: ${reason}`);
      const row = (await findRollout(transaction, rollout.id)) as RolloutRow;
      const event = { type: 'started', by: rollout.created_by, reason, note: null, note_ko: null } as const;
      await writeRolloutEvent(transaction, row, { ...event, gates: null });
      await alongside?.(transaction, row, row);
    }
    return (await findRollout(transaction, rollout.id)) as RolloutRow;
  });
}

/**
 * Moves a rollout with its flags, its history and whatever else belongs to it in one transaction. Throws `precondition_failed`
 * when somebody else has moved it since that revision, `conflict` when its state does not allow it.
 */
export async function moveRollout(db: Knex, id: string, move: Move, mover: Mover): Promise<RolloutRow> {
  return transactionAgain(db, async (transaction) => {
    const before = await lockRollout(transaction, id);
    if (!before) throw new AppError('not_found', 'There is no such rollout.');
    if (before.revision !== mover.revision)
      throw new AppError(
        'precondition_failed',
        `The rollout is at revision ${before.revision} by now: read it again.`,
      );
    const { change, type, flags } = await moves[move](transaction, before);
    if (flags) await setFlags(transaction, flags, mover.by, `rollout ${before.name}: ${mover.reason}`);
    const after = await writeRollout(transaction, id, { ...change, ...(flags && { expected: flags }) });
    if (after.ended_at) await releaseFlags(transaction, id);
    await writeRolloutEvent(transaction, after, {
      ...{ type, by: mover.by, reason: mover.reason },
      ...(mover.note ?? { note: null, note_ko: null }),
      gates: mover.gates ?? null,
    });
    await mover.alongside?.(transaction, before, after);
    return after;
  });
}

interface Moved {
  type: RolloutEvent['type'];
  change: RolloutChange;
  /** What its flags are to be set to; left out: they stay. */
  flags?: FlagSettings;
}

const moves: Record<Move, (transaction: Db, rollout: RolloutRow) => Promise<Moved>> = {
  async advance(transaction, rollout) {
    requireStatus(rollout, ['running'], 'advanced');
    const changed = await changedFlags(transaction, rollout);
    if (changed.length > 0)
      throw new AppError(
        'conflict',
        `${changed.join(', ')} was changed outside the rollout: resume it, which sets it again, or roll back.`,
      );
    const stage = rollout.stage + 1;
    const next = rollout.plan.stages[stage];
    if (!next) return { type: 'completed', change: { status: 'completed', paused_because: null } };
    const change = { stage, tested: next.tested };
    return { type: 'advanced', change, flags: settingsOf(rollout, stage) };
  },
  async pause(_transaction, rollout) {
    requireStatus(rollout, ['running'], 'paused');
    return { type: 'paused', change: { status: 'paused', paused_because: 'hand' } };
  },
  /** Somebody else has set its flags: it lets go of them. */
  async yield(_transaction, rollout) {
    requireStatus(rollout, ['running', 'paused'], 'paused');
    return { type: 'paused', change: { status: 'paused', paused_because: 'flag_changed' } };
  },
  async resume(transaction, rollout) {
    requireStatus(rollout, ['paused'], 'resumed');
    const overrides = await readOverrides(transaction);
    const killed = Object.keys(rollout.expected).filter((key) => overrides.get(key as FlagKey)?.killed);
    if (killed.length > 0)
      throw new AppError(
        'conflict',
        `${killed.join(', ')} is killed: set it, which lifts that, then resume.`,
      );
    const change = { status: 'running', paused_because: null } as const;
    return { type: 'resumed', change, flags: settingsOf(rollout, rollout.stage) };
  },
  async rollback(_transaction, rollout) {
    requireStatus(rollout, ['running', 'paused'], 'rolled back');
    const change = { status: 'rolled_back', paused_because: null } as const;
    return { type: 'rolled_back', change, flags: rollout.before };
  },
};

function requireStatus({ status }: RolloutRow, allowed: readonly RolloutRow['status'][], what: string): void {
  if (allowed.includes(status)) return;
  throw new AppError(
    'conflict',
    `A rollout that is ${status} can't be ${what}: it has to be ${allowed.join(' or ')}.`,
  );
}

/** All flags of the plan in a stage: those nothing was said of yet are as they were before. */
function settingsOf({ plan, before }: Pick<RolloutRow, 'plan' | 'before'>, stage: number): FlagSettings {
  const shares = Object.entries(sharesIn(plan, stage)) as [FlagKey, number][];
  const set = shares.map(([key, percent]) => [key, { enabled: true, rollout_percent: percent }]);
  return { ...before, ...Object.fromEntries(set) };
}

/** Those that are so already are left alone, and what was killed stays dead. */
async function setFlags(transaction: Db, wanted: FlagSettings, by: string, reason: string): Promise<void> {
  // In one order for all; what is read then can't be changed before this is written.
  for (const key of (Object.keys(wanted) as FlagKey[]).sort()) await lockFlag(transaction, key);
  const overrides = await readOverrides(transaction);
  for (const key of await changedFlags(transaction, { expected: wanted })) {
    if (overrides.get(key)?.killed) continue;
    const { enabled, rollout_percent } = wanted[key] as NonNullable<FlagSettings[FlagKey]>;
    const said = reason.slice(0, 500);
    await writeOverride(transaction, {
      key,
      enabled,
      rollout_percent,
      killed: false,
      reason: said,
      updated_by: by,
    });
  }
}
