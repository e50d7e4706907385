import type { AnswerRow } from '../db/answers.ts';
import type { Notifications } from '../db/notifications.ts';
import { isTerminal } from './answer-resource.ts';

/** Longest `Prefer: wait` that is honoured, seconds. */
const longestWait = 60;

/** Seconds of `Prefer: wait=N` (RFC 7240), a minute at most; undefined when it does not say so. */
export function readWait(prefer: string | undefined): number | undefined {
  const wait = /(?:^|[,;\s])wait=(\d{1,6})/.exec(prefer ?? '')?.[1];
  return wait === undefined ? undefined : Math.min(longestWait, Number(wait));
}

export interface EndWatch {
  /**
   * The answer as it is when it has ended, or when time is over, or nobody wants to wait any more. `known` is how it was when,
   * or before, watching began.
   */
  wait(known: AnswerRow, seconds: number, unwanted: readonly AbortSignal[]): Promise<AnswerRow>;
  stop(): void;
}

/** Watches for the end of an answer, from before it may have come: waiting asks the database once, when it is told. */
export function watchEnd(
  notifications: Notifications,
  id: string,
  find: (id: string) => Promise<AnswerRow>,
): EndWatch {
  let told = false;
  let wake: () => void = () => undefined;
  const stop = notifications.watch(id, (ended) => {
    if (!ended) return;
    told = true;
    wake();
  });
  return {
    stop,
    wait: async (known, seconds, unwanted) => {
      const either = AbortSignal.any([...unwanted]);
      const end = performance.now() + seconds * 1000;
      let latest = known;
      while (!isTerminal(latest.status) && performance.now() < end && !either.aborted) {
        const left = Math.min(end - performance.now(), untilLate(latest));
        if (!told)
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, left);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
            either.addEventListener('abort', wake, { once: true });
          });
        told = false;
        latest = await find(id);
      }
      return latest;
    },
  };
}

/** Past its deadline an answer ends when it is looked at; one in progress has a second more. */
const graceMs = 1100;

function untilLate({ status, deadline_at }: AnswerRow): number {
  const left = deadline_at.getTime() - Date.now() + (status === 'queued' ? 100 : graceMs);
  return left > 0 ? left : graceMs;
}

/** What was done of `Prefer: wait`. */
export function waited(seconds: number | undefined): Record<string, string> {
  return seconds === undefined ? {} : { 'Preference-Applied': `wait=${seconds}` };
}

export function retryAfter(row: AnswerRow, pollAfterMs: number): Record<string, string> {
  return isTerminal(row.status) ? {} : { 'Retry-After': String(Math.ceil(pollAfterMs / 1000)) };
}
