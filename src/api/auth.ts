import { randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import ipaddr from 'ipaddr.js';
import { parseAccess } from '../access.ts';
import type { Callers } from '../callers/callers.ts';
import type { KnownKey } from '../callers/known-keys.ts';
import { type Scope, scopes } from '../db/api-keys.ts';
import { AppError } from '../errors.ts';
import { hashKey, readKey, sameHash } from '../keys.ts';
import type { Secrets } from '../secrets.ts';
import { describeLimits, refusal } from './rate-limits.ts';
import type { Caller } from './route.ts';

export const environmentAdmin: Caller = {
  id: '00000000-0000-0000-0000-000000000000',
  name: 'ADMIN_API_KEY',
  scope: 'admin',
};

export type Authenticate = (request: Request, response: Response, needed: Scope) => Promise<Caller>;

/**
 * Knows callers by `X-API-Key` or `Authorization: Bearer`. Throws `unauthenticated` without a valid key (`too_many_wrong_keys`
 * when many came from the address), `forbidden` when its scope or IP list does not allow the call, `rate_limited` beyond its
 * limits. Every request of a valid key from an allowed address counts, and its reply says what is left.
 */
export function createAuthenticate(callers: Callers, { adminKey, secretKey }: Secrets): Authenticate {
  const adminHash = hashKey(adminKey, secretKey);
  return async (request, response, needed) => {
    const key = presentedKey(request);
    if (!key)
      throw new AppError('unauthenticated', 'Send your API key as X-API-Key, or as Authorization: Bearer.');
    const hash = hashKey(key, secretKey);
    if (sameHash(hash, adminHash)) return environmentAdmin;
    const known = await findKey(callers, key, hash, request.ip);
    if (!ipAllowed(request.ip, known.allowed_ips))
      throw new AppError('forbidden', 'This API key may not be used from this address.');
    await takePermit(callers, known, response);
    if (scopes.indexOf(known.scope) < scopes.indexOf(needed)) {
      throw new AppError('forbidden', `This needs a key with scope ${needed}; this one has ${known.scope}.`);
    }
    const access = parseAccess(known.permissions);
    const budget = known.budget_usd_per_day;
    return {
      ...{ id: known.id, name: known.name, scope: known.scope },
      ...(access && { access }),
      ...(known.assistant_id !== null && { assistantId: known.assistant_id }),
      ...(budget === null ? {} : { budgetUsdPerDay: budget }),
    };
  };
}

/** Compared with where there is no key, so that an unknown id takes as long as a wrong secret. */
const nobody = randomBytes(32);

async function findKey(
  { known, failed }: Callers,
  key: string,
  hash: Buffer,
  address: string | undefined,
): Promise<KnownKey> {
  const claimed = readKey(key);
  const looksRight = claimed.form === 'current' || claimed.form === 'earlier';
  const found = looksRight ? await known.find(claimed, hash, failed.tooMany(address)) : undefined;
  const now = sameHash(hash, found?.key_hash ?? nobody);
  const before = sameHash(hash, found?.previous_hash ?? nobody);
  if (found && (now || (before && performance.now() < found.previousUntil))) return found;
  const wait = failed.count(address);
  if (wait !== undefined)
    throw new AppError('too_many_wrong_keys', 'Wrong API keys keep coming from this address.', {
      retryAfter: wait,
    });
  throw new AppError(
    'unauthenticated',
    claimed.form === 'mistyped'
      ? 'This API key is mistyped: its checksum does not fit. Copy it again.'
      : 'This API key is unknown, expired or revoked.',
  );
}

async function takePermit({ permits, use, burstOf }: Callers, key: KnownKey, response: Response) {
  const limits = { id: key.id, rateLimit: key.rate_limit, burst: burstOf(key) };
  const verdict = await permits.take(limits);
  use.requested(key.id, verdict.refusedBy !== undefined);
  response.once('close', () => use.ended(key.id, response.statusCode));
  response.set(describeLimits(limits, verdict));
  if (verdict.refusedBy) throw refusal(limits, verdict);
}

function presentedKey(request: Request): string | undefined {
  const header = request.get('x-api-key');
  if (header) return header.trim();
  const [scheme, value] = (request.get('authorization') ?? '').split(' ');
  return scheme?.toLowerCase() === 'bearer' ? value?.trim() : undefined;
}

/** An empty list allows every address. Entries are addresses or CIDR ranges; v4-mapped v6 counts as v4. */
export function ipAllowed(ip: string | undefined, allowed: readonly string[]): boolean {
  if (allowed.length === 0) return true;
  if (!ip || !ipaddr.isValid(ip)) return false;
  const address = ipaddr.process(ip);
  return allowed.some((entry) => {
    const range = parseRange(entry);
    return range !== undefined && range[0].kind() === address.kind() && address.match(range as never);
  });
}

/** `undefined` when the entry is neither an address nor a range. */
export function parseRange(entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry);
  if (!ipaddr.isValid(entry)) return undefined;
  const address = ipaddr.process(entry);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}
