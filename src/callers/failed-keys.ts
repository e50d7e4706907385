import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';

/** Wrong keys that an address may send at once, and how many more each second. */
const atOnce = 20;
const perSecond = 1 / 3;

export interface FailedKeys {
  /** Whether this address has sent so many that its look-ups wait for each other. A right key is let in all the same. */
  tooMany(address: string | undefined): boolean;
  /** Counts one; the seconds until another will be heard, where there were too many. */
  count(address: string | undefined): number | undefined;
}

/**
 * Wrong keys by address, in the memory of this process: nothing is worth remembering beyond it, since a key has 256 random
 * bits. What it saves is work. It only ever judges requests that failed, so it can lock nobody out.
 */
export function createFailedKeys(now: () => number = () => performance.now()): FailedKeys {
  const buckets = new LRUCache<string, { tokens: number; at: number }>({ max: 10_000 });
  const filled = (name: string): number => {
    const bucket = buckets.get(name);
    return bucket ? Math.min(atOnce, bucket.tokens + ((now() - bucket.at) / 1000) * perSecond) : atOnce;
  };
  return {
    tooMany: (address) => filled(networkOf(address)) < 1,
    count: (address) => {
      const name = networkOf(address);
      const tokens = filled(name);
      buckets.set(name, { tokens: Math.max(0, tokens - 1), at: now() });
      return tokens >= 1 ? undefined : (1 - tokens) / perSecond;
    },
  };
}

/** Of version 6 the first 64 bits: a caller has all addresses behind them. */
function networkOf(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : (parsed as ipaddr.IPv6).parts.slice(0, 4).join(':');
}
