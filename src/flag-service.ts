import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import type { Db } from './db/connect.ts';
import { type FlagOverride, readOverrides, writeOverride } from './db/flags.ts';
import { type FlagKey, flagKeys, flagList } from './flags.ts';

export interface FlagState {
  key: FlagKey;
  description: string;
  default: boolean;
  enabled: boolean;
  rollout_percent: number;
  source: 'kill' | 'stored' | 'env' | 'default';
  updated_at: Date | null;
  updated_by: string | null;
  reason: string | null;
}

/** What a flag was for one request, and why; stored with the answer. */
export type FlagSnapshot = Record<
  FlagKey,
  { on: boolean; reason: 'kill' | 'stored' | 'rollout' | 'env' | 'default'; percent: number }
>;

export interface FlagService {
  list(): Promise<FlagState[]>;
  set(
    key: FlagKey,
    change: { enabled: boolean; rolloutPercent: number; reason: string; by: string; kill?: boolean },
    /** Done in the transaction that sets the flag. */
    alongside?: (transaction: Db, before: FlagState, after: FlagState) => Promise<void>,
  ): Promise<FlagState>;
  /**
   * Flags as they are for this caller. What the database says is believed for half a second, so a change is in force at once in
   * the process that made it and well within a second in every other.
   */
  snapshot(rolloutId: string): Promise<FlagSnapshot>;
}

const believedMs = 500;

export function createFlagService(db: Knex, envFlags: Record<string, boolean>): FlagService {
  const stateOf = (key: FlagKey, override: FlagOverride | undefined): FlagState => {
    const { description, default: fallback } = flagList[key];
    const base = { key, description, default: fallback };
    if (override) {
      const { enabled, rollout_percent, updated_at, updated_by, reason } = override;
      return {
        ...base,
        enabled: enabled && !override.killed,
        rollout_percent,
        source: override.killed ? 'kill' : 'stored',
        updated_at,
        updated_by,
        reason,
      };
    }
    const env = envFlags[key];
    return {
      ...base,
      enabled: env ?? fallback,
      rollout_percent: 100,
      source: env === undefined ? 'default' : 'env',
      updated_at: null,
      updated_by: null,
      reason: null,
    };
  };
  const list = async () => {
    const overrides = await readOverrides(db);
    return flagKeys.map((key) => stateOf(key, overrides.get(key)));
  };
  const read = async (within: Db, key: FlagKey) => stateOf(key, (await readOverrides(within)).get(key));
  let known: { at: number; states: Promise<FlagState[]> } | undefined;
  const recent = () => {
    if (!known || performance.now() - known.at > believedMs) {
      const states = list();
      known = { at: performance.now(), states };
      // What could not be read is asked for again, by the next request.
      states.catch(() => {
        known = undefined;
      });
    }
    return known.states;
  };
  return {
    list,
    set: async (key, { enabled, rolloutPercent, reason, by, kill = false }, alongside) => {
      const after = await db.transaction(async (transaction) => {
        const before = await read(transaction, key);
        await writeOverride(transaction, {
          key,
          enabled,
          rollout_percent: rolloutPercent,
          killed: kill,
          reason,
          updated_by: by,
        });
        const after = await read(transaction, key);
        await alongside?.(transaction, before, after);
        return after;
      });
      known = undefined;
      return after;
    },
    snapshot: async (rolloutId) => {
      const states = await recent();
      return Object.fromEntries(
        states.map((state) => [state.key, evaluate(state, rolloutId)]),
      ) as FlagSnapshot;
    },
  };
}

/** Names of the flags that were on. */
export function flagsOn(snapshot: Partial<FlagSnapshot>): string[] {
  return Object.entries(snapshot).flatMap(([key, { on }]) => (on ? [key] : []));
}

function evaluate(state: FlagState, rolloutId: string): FlagSnapshot[FlagKey] {
  const percent = state.rollout_percent;
  if (!state.enabled || percent === 100) return { on: state.enabled, reason: state.source, percent };
  return { on: bucket(state.key, rolloutId) < percent, reason: 'rollout', percent };
}

/** Where a caller falls in 0…100 for this flag: stable, and independent between flags, so raising a share moves nobody out. */
export function bucket(key: FlagKey, rolloutId: string): number {
  const hash = createHash('sha256').update(`${key}\0${rolloutId}`).digest();
  return (hash.readUInt32BE(0) / 2 ** 32) * 100;
}
