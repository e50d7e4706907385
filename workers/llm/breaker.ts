import type { ModelCondition } from './llm.ts';

/** How a call ended, as far as it says whether the model works; `neither` where it was given up by us. */
export type CallEnd = 'ok' | 'failed' | 'neither';

/** Leave to make one call; a probe's end decides. */
export type Permit = 'call' | 'probe';

export interface Breaker {
  /** null: no call may be made now. Each that may is told of by `ended`. */
  enter(): Permit | null;
  ended(permit: Permit, end: CallEnd): void;
  /** Lets no call pass for so long: the provider asked for it. */
  pause(ms: number): void;
  condition(): ModelCondition;
  /** Milliseconds until a call may pass again; 0 = now. */
  waitMs(): number;
}

export interface BreakerOptions {
  /** How long the model is left alone at first, milliseconds; 0: the breaker never opens. */
  openMs: number;
  /** Monotonic milliseconds. */
  now?: () => number;
  random?: () => number;
}

/** Calls that are looked back at, how many there must be, and the share of failures from which the model is left alone. */
const [lookBack, least, share] = [20, 5, 0.5];
/** Each failed probe doubles the time, up to so many times the first. */
const longest = 8;

/**
 * A circuit breaker (Nygard, Release It!): opens when half of the last twenty calls failed, of five at least; after a while
 * lets one call through as a probe, whose end closes it or opens it for twice as long.
 */
export function createBreaker({
  openMs,
  now = () => performance.now(),
  random = Math.random,
}: BreakerOptions): Breaker {
  let ends: boolean[] = [];
  let openUntil: number | undefined;
  let pausedUntil = 0;
  let times = 1;
  let probing = false;

  const condition = (): ModelCondition => {
    if (openUntil !== undefined) return now() < openUntil ? 'open' : 'half_open';
    return now() < pausedUntil ? 'rate_limited' : 'closed';
  };
  const open = () => {
    // Up to a tenth longer, so that many processes do not probe at the same moment.
    openUntil = now() + openMs * times * (1 + random() / 10);
    times = Math.min(longest, times * 2);
    ends = [];
  };
  const close = () => {
    openUntil = undefined;
    times = 1;
    ends = [];
  };
  const count = (failed: boolean) => {
    ends = [...ends.slice(1 - lookBack), failed];
    const failures = ends.filter(Boolean).length;
    if (openMs > 0 && ends.length >= least && failures >= share * ends.length) open();
  };

  return {
    condition,
    waitMs: () => Math.max(0, (openUntil ?? 0) - now(), pausedUntil - now()),
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, now() + ms);
    },
    enter() {
      const at = condition();
      if (at === 'open' || now() < pausedUntil || (at === 'half_open' && probing)) return null;
      probing = at === 'half_open';
      return probing ? 'probe' : 'call';
    },
    ended(permit, end) {
      if (permit === 'probe') {
        probing = false;
        if (end === 'ok') close();
        else if (end === 'failed') open();
        // What began before the breaker opened tells nothing new.
      } else if (end !== 'neither' && openUntil === undefined) count(end === 'failed');
    },
  };
}
