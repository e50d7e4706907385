import type { Db } from './connect.ts';

export const scopes = ['read', 'write', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export interface KeyRow {
  id: string;
  name: string;
  scope: Scope;
  permissions: string[];
  allowed_ips: string[];
  rate_limit: number;
  budget_usd_per_day: number | null;
  key_prefix: string;
  created_by: string;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
}

const columns = [
  'id',
  'name',
  'scope',
  'permissions',
  'allowed_ips',
  'rate_limit',
  'budget_usd_per_day',
  'key_prefix',
  'created_by',
  'created_at',
  'expires_at',
  'revoked_at',
  'last_used_at',
];

export interface NewKey {
  name: string;
  scope: Scope;
  permissions: string[];
  allowedIps: string[];
  rateLimit: number;
  /** null: no limit. */
  budgetUsdPerDay: number | null;
  expiresDays: number | null;
  keyHash: Buffer;
  keyPrefix: string;
  createdBy: string;
}

export async function insertKey(db: Db, key: NewKey): Promise<KeyRow> {
  const [row] = await db('api_keys')
    .insert({
      name: key.name,
      scope: key.scope,
      permissions: key.permissions,
      allowed_ips: key.allowedIps,
      rate_limit: key.rateLimit,
      budget_usd_per_day: key.budgetUsdPerDay,
      key_hash: key.keyHash,
      key_prefix: key.keyPrefix,
      created_by: key.createdBy,
      expires_at: key.expiresDays === null ? null : db.raw(`now() + ? * interval '1 day'`, [key.expiresDays]),
    })
    .returning(columns);
  return row;
}

export type UsedKey = Pick<
  KeyRow,
  'id' | 'name' | 'scope' | 'allowed_ips' | 'rate_limit' | 'budget_usd_per_day'
> & {
  /** Requests of this hour, this one included. */
  used: number;
  secondsLeft: number;
};

/** The valid key of this hash, counting the request in the same statement; undefined when unknown, expired or revoked. */
export async function useKey(db: Db, hash: Buffer): Promise<UsedKey | undefined> {
  const { rows } = await db.raw(
    `with k as (
       update api_keys set last_used_at = now()
        where key_hash = ? and revoked_at is null and (expires_at is null or expires_at > now())
        returning id, name, scope, allowed_ips, rate_limit, budget_usd_per_day),
     u as (
       insert into api_key_usage (api_key_id, hour, requests) select id, date_trunc('hour', now()), 1 from k
       on conflict (api_key_id, hour) do update set requests = api_key_usage.requests + 1 returning requests)
     select k.*, u.requests as used, ceil(extract(epoch from date_trunc('hour', now()) + interval '1 hour' - now()))::int as "secondsLeft"
       from k, u`,
    [hash],
  );
  return rows[0];
}

export async function listKeys(db: Db): Promise<KeyRow[]> {
  return db('api_keys').orderBy('created_at', 'desc').limit(1000).select(columns);
}

export async function findKey(db: Db, id: string): Promise<KeyRow | undefined> {
  return db('api_keys').where({ id }).first(columns);
}

/** For good: a revoked key never works again. Undefined when there is no such key. */
export async function revokeKey(db: Db, id: string): Promise<KeyRow | undefined> {
  const [row] = await db('api_keys')
    .where({ id })
    .update({ revoked_at: db.raw('coalesce(revoked_at, now())') })
    .returning(columns);
  return row;
}

export async function keyUsage(db: Db, id: string): Promise<{ hour: Date; requests: number }[]> {
  return db('api_key_usage')
    .where({ api_key_id: id })
    .orderBy('hour', 'desc')
    .limit(24 * 7)
    .select('hour', 'requests');
}
