import { AppError } from '../errors.ts';
import type { Line } from './read-lines.ts';

/** Lines that came are taken in after so long even when they are few. */
const gatherMs = 1000;
/** Longest time between one line and the next. */
const idleMs = 120_000;

/** The lines, with `flush` called when the next one lets wait for itself. Ends with an error when the signal aborts. */
export async function* unhurried(
  lines: AsyncGenerator<Line>,
  signal: AbortSignal,
  flush: () => Promise<void>,
): AsyncGenerator<Line> {
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined);
  for (;;) {
    const next = lines.next();
    next.catch(() => undefined);
    let result = await within(gatherMs, next, aborted);
    if (!result) {
      await flush();
      result = await within(idleMs, next, aborted);
      if (!result) throw new AppError('upload_cut_off', `No line came for ${idleMs / 1000} seconds.`);
    }
    if (result.done) return;
    yield result.value;
  }
}

/** What comes first; undefined when neither has come after `ms`. */
async function within<T>(ms: number, work: Promise<T>, aborted: Promise<never>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  return Promise.race([work, late, aborted]).finally(() => clearTimeout(timer));
}
