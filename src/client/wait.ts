import { mayPass, pause, pauseAfter, type Send, WaitTimeout } from './http.ts';
import type { WaitOptions } from './types.ts';

interface Ending {
  is_terminal: boolean;
  poll_after_ms?: number | null | undefined;
}

const defaultTimeoutMs = 120_000;
/** Pauses between looks, milliseconds: whatever the service says, neither a storm nor a sleep. */
const [shortest, longest] = [50, 10_000];
/** What a look asks the service to hold it for, seconds; one that does not know this answers at once. */
const longestHold = 30;

/**
 * The resource once it has ended, whichever way. Asks as often as the service says it makes sense; never beyond the deadline.
 *
 * @throws WaitTimeout; ApiError for what does not pass; the signal's reason once it aborts
 */
export async function waitForEnd<T extends Ending>(
  send: Send,
  path: string,
  { signal, timeoutMs = defaultTimeoutMs }: WaitOptions,
  first?: T,
): Promise<T> {
  const late = AbortSignal.timeout(Math.max(1, timeoutMs));
  const either = signal ? AbortSignal.any([signal, late]) : late;
  const until = performance.now() + timeoutMs;
  let last = first;
  let failures = 0;
  try {
    for (;;) {
      if (last?.is_terminal) return last;
      if (last) await pause(clamp(last.poll_after_ms ?? 500), either);
      const hold = Math.floor(Math.min(longestHold, (until - performance.now()) / 1000));
      try {
        const response = await send(path, {
          signal: either,
          headers: hold > 0 ? { Prefer: `wait=${hold}` } : {},
        });
        last = (await response.json()) as T;
        failures = 0;
      } catch (error) {
        if (either.aborted || !mayPass(error)) throw error;
        await pause(pauseAfter(error, ++failures), either);
      }
    }
  } catch (error) {
    if (late.aborted && !signal?.aborted) throw new WaitTimeout(path, timeoutMs);
    throw error;
  }
}

const clamp = (ms: number) => Math.min(longest, Math.max(shortest, ms));
