import type { Verdict } from '../../src/db/webhook-work.ts';

/** Pauses after the first, second … failed try, seconds: 9 tries, the last one a little more than a day after the first. */
export const pauses = [5, 30, 120, 600, 3600, 4 * 3600, 8 * 3600, 12 * 3600];

/** Share by which a pause is shorter or longer at random, so that what failed together is not tried again together. */
const jitter = 0.2;

/** Longest pause that a receiver can ask for, seconds. */
const longestAsked = 12 * 3600;

/** Status by which a receiver says that it wants no more. */
export const gone = 410;

export interface Judged {
  /** Of the reply; null: there was none. */
  status: number | null;
  retryAfter: number | null;
}

/**
 * What becomes of a delivery after its `tries`-th try: 2xx is delivered, 410 wants no more, and everything else is tried again
 * after a pause, which a receiver that is busy (429, 503) can make longer.
 */
export function judgeAttempt({ retryAfter, status }: Judged, tries: number, random = Math.random): Verdict {
  if (status !== null && status >= 200 && status < 300) return { status: 'delivered' };
  const pause = pauses[tries - 1];
  if (status === gone || pause === undefined) return { status: 'failed' };
  const own = Math.round(pause * (1 - jitter + 2 * jitter * random()));
  const asked = status === 429 || status === 503 ? Math.min(longestAsked, retryAfter ?? 0) : 0;
  return { status: 'pending', afterSeconds: Math.max(own, asked) };
}
