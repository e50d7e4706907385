import { bounded } from '../bounded.ts';
import { AppError } from '../errors.ts';
import type { QueueName } from '../jobs/job.ts';
import type { ApiContext } from './app.ts';

/** Longest that a caller waits for the depth of a queue, milliseconds. */
const patienceMs = 300;

/**
 * Refuses work that the queue has no room for, before anything is stored. A store that does not answer refuses nothing:
 * the row is accepted and nudged later.
 */
export async function refuseWhenFull(context: ApiContext, queue: QueueName): Promise<void> {
  const depth = (await bounded(context.queues.depths(), patienceMs))?.get(queue);
  if (!depth || depth.waiting < context.config.QUEUE_LIMIT) return;
  throw new AppError(
    'queue_full',
    `The ${queue} queue holds ${depth.waiting} waiting jobs, its limit is ${context.config.QUEUE_LIMIT}: try again later.`,
    { retryAfter: 30 },
  );
}
