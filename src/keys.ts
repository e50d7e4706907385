import { createHmac, randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** log₂ 62⁴³ = 256.03 */
const secretLength = 43;
/** 62²² > 2¹²⁸ and 62⁶ > 2³² */
const idLength = 22;
const checksumLength = 6;

const current = new RegExp(
  `^dtr_[a-z]{4}_([${digits}]{${idLength}})_[${digits}]{${secretLength + checksumLength}}$`,
);
/** Keys made before they carried an id and a checksum. */
const earlier = /^dtr_[a-z]{4}_[\w-]{43}$/;

/**
 * A key nobody can guess: `dtr_<environment>_<id>_<secret>`. The id is the uuid of its row in base 62, the secret 256 random
 * bits in base 62 with six digits of CRC-32 over all that stands before them: a typo shows without a look into the
 * database, and scanners can tell a key from what only looks like one.
 */
export function generateKey(environment: string, id: string = randomUUID()): string {
  const secret = Array.from({ length: secretLength }, () => digits[randomInt(62)]).join('');
  const body = `dtr_${environment.slice(0, 4)}_${toBase62(BigInt(`0x${id.replaceAll('-', '')}`), idLength)}_${secret}`;
  return body + checksum(body);
}

/** What a presented key claims to be. `earlier` has no id: only its hash can be looked up. `none` is no key of ours. */
export type ClaimedKey = { form: 'current'; id: string } | { form: 'earlier' | 'mistyped' | 'none' };

export function readKey(key: string): ClaimedKey {
  const id = current.exec(key)?.[1];
  if (id === undefined) return { form: earlier.test(key) ? 'earlier' : 'none' };
  if (checksum(key.slice(0, -checksumLength)) !== key.slice(-checksumLength)) return { form: 'mistyped' };
  const value = fromBase62(id);
  return value >= 1n << 128n ? { form: 'mistyped' } : { form: 'current', id: toUuid(value) };
}

/** What is stored of a key: HMAC-SHA-256 under SECRET_KEY, useless without it. Keys are random, so no slow hash is needed. */
export function hashKey(key: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(key).digest();
}

export function sameHash(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What operators see of a key in lists: all of it but the secret. */
export function keyPrefix(key: string): string {
  return `${key.slice(0, current.test(key) ? -(secretLength + checksumLength) : 13)}…`;
}

function checksum(body: string): string {
  return toBase62(BigInt(crc32(body)), checksumLength);
}

function toBase62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest /= 62n) text = digits[Number(rest % 62n)] + text;
  return text;
}

function fromBase62(text: string): bigint {
  return [...text].reduce((value, digit) => value * 62n + BigInt(digits.indexOf(digit)), 0n);
}

function toUuid(value: bigint): string {
  const hex = value.toString(16).padStart(32, '0');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
