import type { NewAnswer } from '../db/insert-answers.ts';
import type { FindAnswer } from './answer-events.ts';
import type { Pace } from './answer-pace.ts';
import { isTerminal, toAnswer } from './answer-resource.ts';
import { readWait, retryAfter, waited, watchEnd } from './answer-waiting.ts';
import type { ApiContext } from './app.ts';
import type { Caller, Reply } from './route.ts';
import type { TakeAnswer } from './take-answers.ts';

interface Asking {
  caller: Caller;
  workId: string;
  raw: { get(name: string): string | undefined };
  signal: AbortSignal;
}

/**
 * Has the answer that `describe` gives stored and worked on, and replies with it: finished where `Prefer: wait` allows for that, else as
 * accepted. What waits watches from before the answer is there, so that no end is missed.
 */
export async function acceptAnswer(
  { notifications, stopping }: ApiContext,
  { get, pace, take }: { get: FindAnswer; pace: Pace; take: TakeAnswer },
  asking: Asking,
  describe: () => Promise<NewAnswer>,
): Promise<Reply> {
  const { caller, workId, raw } = asking;
  const seconds = readWait(raw.get('prefer'));
  const watch = seconds ? watchEnd(notifications, workId, (id) => get(id, caller)) : undefined;
  try {
    const { row: accepted, nudged } = await take(await describe());
    await nudged;
    const row = watch ? await watch.wait(accepted, seconds ?? 0, [asking.signal, stopping]) : accepted;
    const pollAfterMs = isTerminal(row.status) ? 0 : await pace.pollAfterMs(row);
    return {
      status: isTerminal(row.status) ? 200 : 202,
      body: toAnswer(row, { pollAfterMs }),
      headers: {
        Location: `/api/v1/answers/${row.id}`,
        ...waited(seconds),
        ...retryAfter(row, pollAfterMs),
      },
    };
  } finally {
    watch?.stop();
  }
}
