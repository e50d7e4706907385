import { bounded } from '../bounded.ts';
import { readRunMs } from '../db/answer-pace.ts';
import type { AnswerRow } from '../db/answers.ts';
import type { ApiContext } from './app.ts';

/** How long an unfinished answer is likely to take. */
export interface Pace {
  /** Milliseconds after which asking again makes sense. */
  pollAfterMs(row: AnswerRow): Promise<number>;
}

interface Reading {
  at: number;
  /** Questions that wait. */
  waiting: number;
  /** Questions that all workers take at a time. */
  slots: number;
  /** Mean time of the newest answers, from their start. */
  runMs: number;
}

/** One reading serves all who ask within so long; it is renewed in the background while it is used. */
const freshMs = 1000;
const longestMs = 10_000;
/** Nobody waits longer than this for a reading. */
const patienceMs = 300;
const unmeasuredMs = 1000;
const [least, most] = [50, 30_000];

/** From the depth of the queue, the workers that live, and what the newest answers took. */
export function createPace({ db, queues, workers }: ApiContext): Pace {
  let last: Reading | undefined;
  let reading: Promise<void> | undefined;
  const read = async () => {
    const [depths, live, runMs] = await Promise.all([queues.depths(), workers(), readRunMs(db)]);
    const slots = live
      .filter((worker) => worker.queues.includes('answer'))
      .reduce((sum, { concurrency }) => sum + concurrency, 0);
    const waiting = depths?.get('answer')?.waiting ?? 0;
    last = { at: performance.now(), waiting, slots, runMs: runMs ?? unmeasuredMs };
  };
  const current = async (): Promise<Reading | undefined> => {
    const age = last ? performance.now() - last.at : Number.POSITIVE_INFINITY;
    if (age > freshMs)
      reading ??= bounded(read(), 10 * patienceMs).then(() => {
        reading = undefined;
      });
    if (age > longestMs) await bounded(reading as Promise<void>, patienceMs);
    return last;
  };
  return {
    pollAfterMs: async (row) => estimate(row, await current()),
  };
}

/** Without a worker, as long as may be; a running answer is half done, for all that is known. */
function estimate({ status }: AnswerRow, reading: Reading | undefined): number {
  const { waiting, slots, runMs } = reading ?? { waiting: 0, slots: 1, runMs: unmeasuredMs };
  const rounds =
    status === 'in_progress' ? 0.5 : slots === 0 ? Number.POSITIVE_INFINITY : 1 + waiting / slots;
  const ms = Math.min(most, Math.max(least, rounds * runMs));
  return Math.ceil(ms / least) * least;
}
