import type { FlagKey } from '../flags.ts';
import type { Db } from './connect.ts';

export interface FlagOverride {
  key: FlagKey;
  enabled: boolean;
  rollout_percent: number;
  killed: boolean;
  reason: string;
  updated_by: string;
  updated_at: Date;
  /** 1 with the first change, one more with each. */
  version: number;
}

/** Where changes of flags are told: the key of each. */
export const flagsChannel = 'flags';

export async function readOverrides(db: Db): Promise<Map<FlagKey, FlagOverride>> {
  const rows: FlagOverride[] = await db('flag_overrides').select('*');
  return new Map(rows.map((row) => [row.key, row]));
}

/** Until the transaction ends nobody else changes the flag: what is read of it now is what is written over. */
export async function lockFlag(transaction: Db, key: FlagKey): Promise<void> {
  await transaction.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`flags:${key}`]);
}

/**
 * Stores a value with its place in the history, and tells every process with the commit. Setting a flag also lifts its kill
 * switch: the caller has given a reason for it to be so. In a transaction with `lockFlag` before it, what was there cannot change
 * in between.
 */
export async function writeOverride(
  db: Db,
  override: Omit<FlagOverride, 'updated_at' | 'version'>,
): Promise<void> {
  await db.raw(
    `with was as (
       select jsonb_build_object('enabled', enabled, 'rollout_percent', rollout_percent, 'killed', killed) as value
         from flag_overrides where key = :key),
     stored as (
       insert into flag_overrides as o (key, enabled, rollout_percent, killed, reason, updated_by, updated_at, version)
       values (:key, :enabled, :rollout_percent, :killed, :reason, :updated_by, now(),
               (select coalesce(max(version), 0) + 1 from flag_changes where key = :key))
       on conflict (key) do update
         set enabled = excluded.enabled, rollout_percent = excluded.rollout_percent, killed = excluded.killed,
             reason = excluded.reason, updated_by = excluded.updated_by, updated_at = excluded.updated_at,
             version = greatest(o.version + 1, excluded.version)
       returning *),
     noted as (
       insert into flag_changes (key, version, at, by, reason, before, after)
       select key, version, updated_at, updated_by, reason, (select value from was),
              jsonb_build_object('enabled', enabled, 'rollout_percent', rollout_percent, 'killed', killed)
         from stored)
     select pg_notify('${flagsChannel}', key) from stored`,
    override,
  );
}

export interface FlagValue {
  enabled: boolean;
  rollout_percent: number;
  killed: boolean;
}

export interface FlagChangeRow {
  key: FlagKey;
  version: number;
  at: Date;
  by: string;
  reason: string;
  /** null: nothing was stored, so the environment or the default held. */
  before: FlagValue | null;
  after: FlagValue;
}

/** Changes of one flag, newest first; `before` leaves out that version and all later ones. */
export async function listFlagChanges(
  db: Db,
  key: FlagKey,
  { limit, before }: { limit: number; before?: number | undefined },
): Promise<{ items: FlagChangeRow[]; next_cursor: string | null }> {
  const query = db('flag_changes')
    .where({ key })
    .orderBy('version', 'desc')
    .limit(limit + 1);
  if (before !== undefined) query.where('version', '<', before);
  const rows: FlagChangeRow[] = await query;
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next_cursor: rows.length > limit && last ? String(last.version) : null };
}
