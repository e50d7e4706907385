import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export const scopes = ['read', 'write', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export interface KeyRow {
  id: string;
  name: string;
  scope: Scope;
  permissions: string[];
  allowed_ips: string[];
  rate_limit: number;
  /** Requests a second; null: what the configuration says. */
  burst: number | null;
  budget_usd_per_day: number | null;
  /** The assistant that it is bound to; null: none. */
  assistant_id: string | null;
  key_prefix: string;
  created_by: string;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  rotated_at: Date | null;
  /** Until when the secret before the last rotation works. */
  previous_until: Date | null;
  last_used_at: Date | null;
}

const columns = [
  'id',
  'name',
  'scope',
  'permissions',
  'allowed_ips',
  'rate_limit',
  'burst',
  'budget_usd_per_day',
  'assistant_id',
  'key_prefix',
  'created_by',
  'created_at',
  'expires_at',
  'revoked_at',
  'rotated_at',
  'previous_until',
  'last_used_at',
];

export interface NewKey {
  id: string;
  name: string;
  scope: Scope;
  permissions: string[];
  allowedIps: string[];
  rateLimit: number;
  burst: number | null;
  /** null: no limit. */
  budgetUsdPerDay: number | null;
  assistantId?: string | null;
  expiresDays: number | null;
  keyHash: Buffer;
  keyPrefix: string;
  createdBy: string;
}

export async function insertKey(db: Db, key: NewKey): Promise<KeyRow> {
  const [row] = await db('api_keys')
    .insert({
      id: key.id,
      name: key.name,
      scope: key.scope,
      permissions: key.permissions,
      allowed_ips: key.allowedIps,
      rate_limit: key.rateLimit,
      burst: key.burst,
      budget_usd_per_day: key.budgetUsdPerDay,
      assistant_id: key.assistantId,
      key_hash: key.keyHash,
      key_prefix: key.keyPrefix,
      created_by: key.createdBy,
      expires_at: inDays(db, key.expiresDays),
    })
    .returning(columns);
  return row;
}

function inDays(db: Db, days: number | null) {
  return days === null ? null : db.raw(`now() + ? * interval '1 day'`, [days]);
}

export interface KeyChange {
  name?: string | undefined;
  scope?: Scope | undefined;
  permissions?: string[] | undefined;
  allowedIps?: string[] | undefined;
  rateLimit?: number | undefined;
  burst?: number | null | undefined;
  budgetUsdPerDay?: number | null | undefined;
  assistantId?: string | null | undefined;
  /** From now; null: never. */
  expiresDays?: number | null | undefined;
}

/** What is undefined stays. The key must not be revoked. */
export async function updateKey(db: Db, id: string, change: KeyChange): Promise<KeyRow> {
  const [row] = await db('api_keys')
    .where({ id })
    .update({
      id,
      name: change.name,
      scope: change.scope,
      permissions: change.permissions,
      allowed_ips: change.allowedIps,
      rate_limit: change.rateLimit,
      burst: change.burst,
      budget_usd_per_day: change.budgetUsdPerDay,
      assistant_id: change.assistantId,
      expires_at: change.expiresDays === undefined ? undefined : inDays(db, change.expiresDays),
    })
    .returning(columns);
  return row;
}

export interface NewSecret {
  keyHash: Buffer;
  keyPrefix: string;
  /** How long the secret so far goes on working. */
  overlapSeconds: number;
}

/** A secret that was replaced before, and whose overlap has not ended, stops to work now. */
export async function rotateKey(db: Db, id: string, secret: NewSecret): Promise<KeyRow> {
  const kept = secret.overlapSeconds > 0;
  const [row] = await db('api_keys')
    .where({ id })
    .update({
      previous_hash: kept ? db.ref('key_hash') : null,
      previous_until: kept ? db.raw(`now() + ? * interval '1 second'`, [secret.overlapSeconds]) : null,
      key_hash: secret.keyHash,
      key_prefix: secret.keyPrefix,
      rotated_at: db.fn.now(),
    })
    .returning(columns);
  return row;
}

export async function listKeys(
  db: Db,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<Page<KeyRow>> {
  const after = readCursor(cursor);
  const query = db('api_keys')
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit + 1)
    .select([...columns, db.raw(positionColumn('created_at'))]);
  if (after) query.whereRaw('(created_at, id) < (?::timestamptz, ?::uuid)', [after.at, after.id]);
  return toPage<KeyRow>(await query, limit);
}

export async function findKey(db: Db, id: string): Promise<KeyRow | undefined> {
  return db('api_keys').where({ id }).first(columns);
}

/** The same, held against changes until the transaction ends. */
export async function holdKey(db: Db, id: string): Promise<KeyRow | undefined> {
  return db('api_keys').where({ id }).forUpdate().first(columns);
}

/** For good: a revoked key never works again. Undefined when there is no such key. */
export async function revokeKey(db: Db, id: string): Promise<KeyRow | undefined> {
  const [row] = await db('api_keys')
    .where({ id })
    .update({ revoked_at: db.raw('coalesce(revoked_at, now())') })
    .returning(columns);
  return row;
}

/** What the door has to know of a key, as long as it may be used at all. Times left are in seconds, by the database's clock. */
export interface ValidKey {
  id: string;
  name: string;
  scope: Scope;
  permissions: string[];
  allowed_ips: string[];
  rate_limit: number;
  burst: number | null;
  budget_usd_per_day: number | null;
  assistant_id: string | null;
  key_hash: Buffer;
  previous_hash: Buffer | null;
  expires_in: number | null;
  previous_for: number | null;
}

/** Valid keys among these ids and hashes, in one statement. A hash may also be that of a secret whose overlap lasts. */
export async function readValidKeys(
  db: Db,
  wanted: { ids: string[]; hashes: Buffer[] },
): Promise<ValidKey[]> {
  const { rows } = await db.raw(
    `select id, name, scope, permissions, allowed_ips, rate_limit, burst, budget_usd_per_day, assistant_id, key_hash, previous_hash,
            extract(epoch from expires_at - now())::float8 as expires_in,
            extract(epoch from previous_until - now())::float8 as previous_for
       from api_keys
      where id in (select unnest(?::uuid[])
                   union all select id from api_keys where key_hash = any(?::bytea[])
                   union all select id from api_keys where previous_hash = any(?::bytea[]))
        and revoked_at is null and (expires_at is null or expires_at > now())`,
    [wanted.ids, wanted.hashes, wanted.hashes],
  );
  return rows;
}
