import { createHmac, randomBytes } from 'node:crypto';

/** What a run may be given so that all that is random in it can be had again. */
export interface Seeded {
  /** The next random string, 24 hexadecimal digits. Left out: nothing of the run is to be had again. */
  draw?: () => string;
}

export function newSeed(): string {
  return randomBytes(32).toString('hex');
}

/**
 * Strings that nobody can foresee without the seed, and the same ones in the same order with it: HMAC-SHA-256 of a counter
 * (as NIST SP 800-108 derives keys).
 */
export function drawFrom(seed: string): () => string {
  let drawn = 0;
  return () => {
    drawn += 1;
    return createHmac('sha256', seed).update(`draw ${drawn}`).digest('hex').slice(0, 24);
  };
}
