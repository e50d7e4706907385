import type { Request } from 'express';
import ipaddr from 'ipaddr.js';
import type { Knex } from 'knex';
import { type Scope, scopes, useKey } from '../db/api-keys.ts';
import { AppError } from '../errors.ts';
import { hashKey, sameHash } from '../keys.ts';
import type { Secrets } from '../secrets.ts';
import type { Caller } from './route.ts';

export const environmentAdmin: Caller = {
  id: '00000000-0000-0000-0000-000000000000',
  name: 'ADMIN_API_KEY',
  scope: 'admin',
};

export type Authenticate = (request: Request, needed: Scope) => Promise<Caller>;

/**
 * Knows callers by `X-API-Key` or `Authorization: Bearer`. Throws `unauthenticated` without a valid key, `forbidden` when
 * its scope or IP list does not allow the call, `rate_limited` beyond its hourly limit.
 */
export function createAuthenticate(db: Knex, { adminKey, secretKey }: Secrets): Authenticate {
  const adminHash = hashKey(adminKey, secretKey);
  return async (request, needed) => {
    const key = presentedKey(request);
    if (!key)
      throw new AppError('unauthenticated', 'Send your API key as X-API-Key, or as Authorization: Bearer.');
    const hash = hashKey(key, secretKey);
    if (sameHash(hash, adminHash)) return environmentAdmin;
    const known = await useKey(db, hash);
    if (!known) throw new AppError('unauthenticated', 'This API key is unknown, expired or revoked.');
    if (!ipAllowed(request.ip, known.allowed_ips))
      throw new AppError('forbidden', 'This API key may not be used from this address.');
    if (scopes.indexOf(known.scope) < scopes.indexOf(needed)) {
      throw new AppError('forbidden', `This needs a key with scope ${needed}; this one has ${known.scope}.`);
    }
    if (known.used > known.rate_limit) {
      throw new AppError('rate_limited', `This API key may make ${known.rate_limit} requests per hour.`, {
        retryAfter: known.secondsLeft,
      });
    }
    const budget = known.budget_usd_per_day;
    return {
      ...{ id: known.id, name: known.name, scope: known.scope },
      ...(budget === null ? {} : { budgetUsdPerDay: budget }),
    };
  };
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
