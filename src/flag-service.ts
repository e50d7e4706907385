import { hash } from 'node:crypto';
import type { Db } from './db/connect.ts';
import type { RolloutIdentity } from './flags/rollout-identity.ts';
import type { FlagKey } from './flags.ts';

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
  /** Of the stored value, one more with each change; 0: nothing is stored. */
  version: number;
}

/** In the words of the OpenFeature specification (types, resolution reason). */
export type ResolutionReason =
  | 'STATIC'
  | 'DEFAULT'
  | 'DISABLED'
  | 'SPLIT'
  | 'TARGETING_MATCH'
  | 'CACHED'
  | 'STALE'
  | 'ERROR'
  | 'UNKNOWN';

/** What a flag was for one request, and why. */
export interface FlagEvaluation {
  on: boolean;
  reason: 'kill' | 'provider' | 'stored' | 'rollout' | 'env' | 'default';
  /** Share of callers for whom an enabled flag is on, in percent. */
  percent: number;
  /** `on` or `off`, unless another provider has names of its own. Snapshots from before there were variants have neither of these. */
  variant?: string;
  resolution_reason?: ResolutionReason;
  /** Which identity a share was decided by; absent where none was. */
  identity?: RolloutIdentity['by'];
  /** Of the stored value that was in force. */
  version?: number;
  /** Why the configured provider gave no value; with STALE or ERROR. */
  error_code?: string;
}

/** What every flag was for one request; stored with the answer. */
export type FlagSnapshot = Record<FlagKey, FlagEvaluation>;

export interface FlagChange {
  enabled: boolean;
  rolloutPercent: number;
  reason: string;
  by: string;
  kill?: boolean;
  /** Changes nothing, with `precondition_failed`, unless this is still the version: so nobody lifts a kill that it has not seen. */
  ifVersion?: number | undefined;
}

export interface FlagService {
  /** As the database has them now. */
  list(): Promise<FlagState[]>;
  /**
   * Sets a flag in a transaction of its own; in force in this process when it returns, in every other within a second.
   * Throws `precondition_failed` when `ifVersion` is not the version any more.
   */
  set(
    key: FlagKey,
    change: FlagChange,
    /** Done in the transaction that sets the flag. */
    alongside?: (transaction: Db, before: FlagState, after: FlagState) => Promise<void>,
  ): Promise<FlagState>;
  /** The same as part of the given transaction: in force everywhere within a second of its commit. */
  setWithin(
    transaction: Db,
    key: FlagKey,
    change: FlagChange,
  ): Promise<{ before: FlagState; after: FlagState }>;
  /** Flags as they are for this caller; a change that was committed a second ago is in it. */
  snapshot(identity: RolloutIdentity): Promise<FlagSnapshot>;
  /** Milliseconds since the database was last read with success. */
  ageMs(): number;
  /** The provider that decides instead of the stored values, and whether it answered when it was last asked; null: none. */
  provider(): { name: string; answers: boolean } | null;
}

/** Names of the flags that were on. */
export function flagsOn(snapshot: Partial<Record<FlagKey, { on: boolean }>>): string[] {
  return Object.entries(snapshot).flatMap(([key, { on }]) => (on ? [key] : []));
}

/**
 * Where a caller falls in 0…100 for this flag: stable, and independent between flags. A caller is in while that is below the share,
 * so raising the share moves nobody out.
 */
export function bucket(key: FlagKey, rolloutId: string): number {
  const digest = hash('sha256', `${key}\0${rolloutId}`, 'hex');
  return (Number.parseInt(digest.slice(0, 8), 16) / 2 ** 32) * 100;
}
