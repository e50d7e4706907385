import type { AnswerRow } from '../db/answers.ts';
import type { FindAnswer } from './answer-events.ts';
import type { Pace } from './answer-pace.ts';
import { isTerminal, toAnswer } from './answer-resource.ts';
import { readWait, retryAfter, waited, watchEnd } from './answer-waiting.ts';
import type { ApiContext } from './app.ts';
import type { Caller, Reply } from './route.ts';

interface Asking {
  caller: Caller;
  workId: string;
  raw: { get(name: string): string | undefined };
  signal: AbortSignal;
}

/**
 * Has the answer stored by `insert` and worked on, and replies with it: finished where `Prefer: wait` allows for that, else as
 * accepted. What waits watches from before the answer is there, so that no end is missed.
 */
export async function acceptAnswer(
  { notifications, queues, stopping }: ApiContext,
  { get, pace }: { get: FindAnswer; pace: Pace },
  { caller, workId, raw, signal }: Asking,
  insert: () => Promise<AnswerRow>,
): Promise<Reply> {
  const seconds = readWait(raw.get('prefer'));
  const watch = seconds ? watchEnd(notifications, workId, (id) => get(id, caller)) : undefined;
  try {
    const accepted = await insert();
    await queues.enqueue('answerQuestion', [{ answerId: accepted.id }], { priority: accepted.priority });
    const row = watch ? await watch.wait(accepted, seconds ?? 0, [signal, stopping]) : accepted;
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
