import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** A key nobody can guess: `dtr_<environment>_<256 random bits>`. */
export function generateKey(environment: string): string {
  return `dtr_${environment.slice(0, 4)}_${randomBytes(32).toString('base64url')}`;
}

/** What is stored of a key: HMAC-SHA-256 under SECRET_KEY, useless without it. Keys are random, so no slow hash is needed. */
export function hashKey(key: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(key).digest();
}

export function sameHash(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What operators see of a key in lists. */
export function keyPrefix(key: string): string {
  return `${key.slice(0, 13)}…`;
}
