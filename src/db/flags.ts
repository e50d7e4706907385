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
}

export async function readOverrides(db: Db): Promise<Map<FlagKey, FlagOverride>> {
  const rows: FlagOverride[] = await db('flag_overrides').select('*');
  return new Map(rows.map((row) => [row.key, row]));
}

/** Setting a flag also lifts its kill switch: the caller has given a reason for it to be so. */
export async function writeOverride(db: Db, override: Omit<FlagOverride, 'updated_at'>): Promise<void> {
  await db('flag_overrides')
    .insert({ ...override, updated_at: db.fn.now() })
    .onConflict('key')
    .merge();
}
