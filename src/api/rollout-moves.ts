import { z } from 'zod';
import type { RolloutRow } from '../db/rollouts.ts';
import { AppError } from '../errors.ts';
import type { Report } from '../rollouts/markdown.ts';
import { type Move, type Mover, moveRollout } from '../rollouts/moves.ts';
import { brief, rolloutsPath } from '../rollouts/tend-rollout.ts';
import type { ApiContext } from './app.ts';
import { rolloutSchema } from './rollout-resource.ts';
import { type AnyRoute, type Reply, type RouteRequest, route } from './route.ts';
import { idParams, storable } from './schemas.ts';

interface Reading {
  get: (id: string) => Promise<RolloutRow>;
  show: (row: RolloutRow) => Promise<Reply>;
  report: (row: RolloutRow) => Promise<Report>;
}

const because = { reason: storable(z.string().trim().min(1).max(500)) };
const plainBody = z.strictObject(because);
const advanceBody = z.strictObject({
  ...because,
  force: z.boolean().default(false).describe('Although the stage still waits for something'),
});

const summaries = {
  pause: 'Stay in the stage; guards go on watching',
  resume: 'Go on; sets the flags of the stage again where somebody has changed them',
  rollback: 'Set the flags as they were before the rollout, and end it',
} as const;

export function rolloutMoveRoutes(context: ApiContext, reading: Reading): AnyRoute[] {
  const shared = {
    ...({ scope: 'admin', tag: 'rollouts', method: 'post', params: idParams } as const),
    responses: { 200: { description: 'The rollout', schema: rolloutSchema } },
  };
  return [
    route({
      ...shared,
      paths: [`${rolloutsPath}/{id}/advance`],
      summary: 'To the next stage; completes the rollout after the last one',
      body: advanceBody,
      handler: async (request) => {
        const row = await reading.get(request.params.id);
        const { judgement } = await reading.report(row);
        if (row.status === 'running' && !request.body.force && judgement.waitsFor.length > 0)
          throw new AppError(
            'conflict',
            `${judgement.waitsFor.join(' ')} With force: true the stage is left all the same.`,
          );
        return move(context, reading, 'advance', row, { ...request, gates: judgement.gates });
      },
    }),
    ...(['pause', 'resume', 'rollback'] as const).map((what) =>
      route({
        ...shared,
        paths: [`${rolloutsPath}/{id}/${what}`],
        summary: summaries[what],
        body: plainBody,
        handler: async (request) => {
          const row = await reading.get(request.params.id);
          return move(context, reading, what, row, { ...request, gates: null });
        },
      }),
    ),
  ];
}

type Asked = Pick<RouteRequest<undefined, undefined, typeof plainBody>, 'caller' | 'audit' | 'raw' | 'body'> &
  Pick<Mover, 'gates'>;

async function move(
  { db, metrics }: ApiContext,
  { show }: Reading,
  what: Move,
  row: RolloutRow,
  { caller, audit, raw, body, gates }: Asked,
): Promise<Reply> {
  const { reason } = body;
  const after = await moveRollout(db, row.id, what, {
    ...{ by: caller.name, reason, gates: gates ?? null },
    revision: readIfMatch(raw.get('if-match')) ?? row.revision,
    alongside: (transaction, before, now) =>
      audit.write(transaction, {
        target: `${rolloutsPath}/${row.id}`,
        before: brief(before),
        after: { ...brief(now), reason },
      }),
  });
  metrics.rolloutMoves.inc({ move: what, by: 'hand' });
  return show(after);
}

/** The revision that the caller has seen; undefined where it does not say. */
function readIfMatch(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const [, revision] = /^\s*"(\d{1,9})"\s*$/.exec(header) ?? [];
  if (revision !== undefined) return Number(revision);
  throw new AppError(
    'precondition_failed',
    'If-Match is not an ETag of this rollout: give the one that GET has.',
  );
}
