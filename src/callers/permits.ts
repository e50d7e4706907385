import type { Knex } from 'knex';
import { type PermitsGranted, returnPermits, takePermits } from '../db/key-permits.ts';

export interface Limits {
  id: string;
  /** Requests an hour. */
  rateLimit: number;
  /** Requests a second, and at once. */
  burst: number;
}

export interface Verdict {
  /** undefined: go ahead. */
  refusedBy: 'hour' | 'burst' | undefined;
  hourLeft: number;
  burstLeft: number;
  /** Until the hour ends. */
  secondsLeft: number;
}

export interface Permits {
  take(limits: Limits): Promise<Verdict>;
  /** Gives back what is in hand. */
  close(): Promise<void>;
}

/** What this process holds of one key. Times are of its monotonic clock, in milliseconds. */
interface Reserve {
  rateLimit: number;
  hour: Date;
  inHand: { hour: number; burst: number };
  shared: { hour: number; burst: number };
  hourEnds: number;
  /** Until when asking again would give nothing. */
  dryUntil: { hour: number; burst: number };
  waiting: { resolve: (verdict: Verdict) => void; reject: (error: unknown) => void }[];
  asking: boolean;
}

/** Somebody else may have given permits back: an empty hour is asked for again after so long. */
const askAgainMs = 1000;
/** Else a bucket that fills quickly would make callers wait for it rather than be refused. */
const leastDryMs = 20;

/**
 * The limits of keys, shared by all processes and cheap: permits are taken from the database in blocks and used up from
 * memory. The hour is never exceeded, since what is in hand has been taken from it; a process that dies takes with it what it
 * held, a thousandth of the limit at most. The burst is exact to a tenth of it for each process: that many may be in hand
 * while the bucket fills again.
 */
export function createPermits(db: Knex): Permits {
  const reserves = new Map<string, Reserve>();
  return {
    take: (limits) => {
      const known = reserves.get(limits.id);
      const reserve = known?.rateLimit === limits.rateLimit ? known : emptyReserve(limits.rateLimit);
      reserves.set(limits.id, reserve);
      const verdict = reserve.waiting.length === 0 ? fromHand(reserve) : undefined;
      if (verdict) return Promise.resolve(verdict);
      return new Promise((resolve, reject) => {
        reserve.waiting.push({ resolve, reject });
        if (!reserve.asking) void ask(db, limits, reserve);
      });
    },
    close: async () => {
      for (const [id, { hour, inHand }] of reserves)
        if (inHand.hour > 0) await returnPermits(db, id, hour, inHand.hour);
      reserves.clear();
    },
  };
}

function emptyReserve(rateLimit: number): Reserve {
  return {
    rateLimit,
    hour: new Date(0),
    inHand: { hour: 0, burst: 0 },
    shared: { hour: 0, burst: 0 },
    hourEnds: 0,
    dryUntil: { hour: 0, burst: 0 },
    waiting: [],
    asking: false,
  };
}

/** The verdict where it can be told without the database. */
function fromHand(reserve: Reserve): Verdict | undefined {
  const now = performance.now();
  if (now >= reserve.hourEnds) reserve.inHand.hour = 0;
  const { inHand, shared, dryUntil } = reserve;
  let refusedBy: Verdict['refusedBy'];
  if (inHand.hour > 0 && inHand.burst > 0) {
    inHand.hour -= 1;
    inHand.burst -= 1;
  } else if (inHand.hour === 0 && now < dryUntil.hour) refusedBy = 'hour';
  else if (inHand.burst === 0 && now < dryUntil.burst) refusedBy = 'burst';
  else return undefined;
  return {
    refusedBy,
    hourLeft: shared.hour + inHand.hour,
    burstLeft: Math.floor(shared.burst) + inHand.burst,
    secondsLeft: (reserve.hourEnds - now) / 1000,
  };
}

/** Asks for all who wait, together; those who come meanwhile are the next round. */
async function ask(db: Knex, { id, rateLimit, burst }: Limits, reserve: Reserve): Promise<void> {
  reserve.asking = true;
  while (reserve.waiting.length > 0) {
    const round = reserve.waiting;
    reserve.waiting = [];
    const want = (inHand: number, limit: number, part: number) =>
      inHand >= round.length ? 0 : Math.max(round.length, Math.floor(limit / part)) - inHand;
    try {
      const startedAt = performance.now();
      const granted = await takePermits(db, {
        ...{ id, rateLimit, burst },
        ofHour: want(reserve.inHand.hour, Math.min(rateLimit, 1_000_000), 1000),
        ofBurst: want(reserve.inHand.burst, burst, 10),
      });
      take(reserve, granted, burst, startedAt);
      for (const waiter of round) {
        const verdict = fromHand(reserve);
        if (verdict) waiter.resolve(verdict);
        // The hour has ended meanwhile.
        else reserve.waiting.push(waiter);
      }
    } catch (error) {
      for (const { reject } of round) reject(error);
    }
  }
  reserve.asking = false;
}

/** The hour ends as if it had been told before the question was sent: a little early rather than late. */
function take(reserve: Reserve, granted: PermitsGranted, burst: number, startedAt: number): void {
  const sameHour = reserve.hour.getTime() === granted.hour.getTime();
  reserve.hour = granted.hour;
  reserve.hourEnds = startedAt + granted.secondsLeft * 1000;
  reserve.inHand.hour = (sameHour ? reserve.inHand.hour : 0) + granted.ofHour;
  reserve.inHand.burst += granted.ofBurst;
  reserve.shared = { hour: granted.hourLeft, burst: granted.burstLeft };
  const now = performance.now();
  reserve.dryUntil = {
    hour: granted.hourLeft === 0 ? Math.min(now + askAgainMs, reserve.hourEnds) : 0,
    burst: granted.burstLeft < 1 ? now + Math.max(leastDryMs, ((1 - granted.burstLeft) / burst) * 1000) : 0,
  };
}
