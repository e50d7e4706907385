import { setTimeout as pause } from 'node:timers/promises';
import { bounded } from '../bounded.ts';
import { countQueued } from '../db/batch-waiting.ts';
import { AppError } from '../errors.ts';
import type { QueueName } from '../jobs/job.ts';
import type { ApiContext } from './app.ts';

/** Longest that a caller waits for the depth of a queue, milliseconds. */
const patienceMs = 300;

/**
 * Refuses work that the queue has no room for, before anything is stored: `wanted` pieces beside those that wait. More at once
 * than the limit are taken by an empty queue only. A store that does not answer refuses nothing: the row is accepted and nudged
 * later.
 */
export async function refuseWhenFull(context: ApiContext, queue: QueueName, wanted = 1): Promise<void> {
  const { QUEUE_LIMIT: limit } = context.config;
  const waiting = await countWaiting(context, queue);
  if (waiting === 0 || waiting + wanted <= limit) return;
  throw new AppError(
    'queue_full',
    `The ${queue} queue holds ${waiting} waiting jobs, its limit is ${limit}: try again later.`,
    { retryAfter: 30 },
  );
}

const lookMs = 250;

/** Waits for room while somebody takes some; throws `queue_full` when there was none for `forMs`. */
export async function waitForRoom(
  context: ApiContext,
  queue: QueueName,
  { wanted, forMs, signal }: { wanted: number; forMs: number; signal: AbortSignal },
): Promise<void> {
  for (const end = performance.now() + forMs; ; ) {
    try {
      return await refuseWhenFull(context, queue, wanted);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'queue_full' || performance.now() > end) throw error;
    }
    await pause(lookMs, undefined, { signal });
  }
}

/** Documents are rows before they are jobs: whichever there are more of. */
async function countWaiting({ config, db, queues }: ApiContext, queue: QueueName): Promise<number> {
  const [depths, rows] = await Promise.all([
    bounded(queues.depths(), patienceMs),
    queue === 'ingestion' ? countQueued(db, config.QUEUE_LIMIT + 1) : 0,
  ]);
  return Math.max(depths?.get(queue)?.waiting ?? 0, rows);
}
