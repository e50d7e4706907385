import { findHoldup } from '../db/batch-waiting.ts';
import type { BatchRow } from '../db/batches.ts';
import type { ApiContext } from './app.ts';

/** Why a batch does not move, in a sentence; null when it does, or has ended. */
export async function whyWaiting(row: BatchRow, { db, queues, workers }: ApiContext): Promise<string | null> {
  if (row.counts.queued + row.counts.in_progress === 0)
    return row.receiving ? 'The next lines are still to come.' : null;
  const holdup = await findHoldup(db, row.id);
  if (holdup.moving) return null;
  const queue = holdup.queued > 0 ? 'ingestion' : 'embedding';
  const count = (await workers()).filter((worker) => worker.queues.includes(queue)).length;
  if (count === 0) return `No worker takes the ${queue} queue: start one.`;
  const stop = await queues.stopped(queue);
  if (!stop)
    return 'The store of the queues does not answer; the documents are safe and will be taken up when it does.';
  if (stop.paused) return `The ${queue} queue is paused: resume it.`;
  if (stop.heldMs > 0) {
    const until = new Date(Date.now() + stop.heldMs).toISOString();
    return `The provider of the ${queue} queue is over its rate limit: work goes on at ${until}.`;
  }
  if (holdup.error) return `The last try failed and will be repeated: ${holdup.error.detail}`;
  const first = `${count} worker(s) take the ${queue} queue`;
  if (holdup.before === 0) return `${first}, and this batch comes next.`;
  return `${first}; ${holdup.before} document(s) come before this batch, whose next has priority ${holdup.priority}.`;
}
