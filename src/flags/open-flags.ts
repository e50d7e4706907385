import type { Provider } from '@openfeature/server-sdk';
import type { Knex } from 'knex';
import { bounded } from '../bounded.ts';
import { lockFlag, readOverrides, writeOverride } from '../db/flags.ts';
import type { Listen } from '../db/listener.ts';
import { AppError } from '../errors.ts';
import type { FlagChange, FlagService, FlagSnapshot, FlagState } from '../flag-service.ts';
import type { FlagKey } from '../flags.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { flagState, flagStates, type PreparedFlag, prepareFlag } from './evaluate.ts';
import { exportFlags } from './flag-metrics.ts';
import { openKnownOverrides } from './known-overrides.ts';
import { openRemoteFlags } from './remote-flags.ts';
import type { RolloutIdentity } from './rollout-identity.ts';

interface Opening {
  db: Knex;
  listen: Listen;
  log: Log;
  metrics: Metrics;
  envFlags: Partial<Record<string, boolean>>;
  /** Who decides instead of the stored values; null: nobody does. */
  provider: Provider | null;
}

/** Beyond that what is known may not be what is: snapshots say so. */
export const staleMs = 5000;

const refreshMs = 1000;

export async function openFlags(opening: Opening): Promise<FlagService & { close(): Promise<void> }> {
  const { db, envFlags, log, metrics, provider } = opening;
  let states: FlagState[] = [];
  let prepared: PreparedFlag[] = [];
  const overrides = await openKnownOverrides(opening, (stored) => {
    states = flagStates(stored, envFlags);
    prepared = states.map(prepareFlag);
  });
  const { tally, observe } = exportFlags(metrics, { states: () => states, ageMs: overrides.ageMs });
  const remote = provider && openRemoteFlags(provider, { log, observe });
  const change = writing(envFlags);
  return {
    list: async () => flagStates(await readOverrides(db), envFlags),
    set: async (key, wanted, alongside) => {
      const after = await db.transaction(async (transaction) => {
        const { before, after } = await change(transaction, key, wanted);
        await alongside?.(transaction, before, after);
        return after;
      });
      // It is set, whether or not this process can read it at once.
      await bounded(overrides.refresh(), refreshMs);
      return after;
    },
    setWithin: change,
    snapshot: async (identity) => {
      await overrides.renewed();
      const stored = evaluateAll(prepared, identity, overrides.ageMs() > staleMs);
      return tally(remote ? await remote.decide(identity, stored) : stored);
    },
    ageMs: overrides.ageMs,
    provider: () => remote && { name: provider.metadata.name, answers: remote.answers() },
    close: async () => {
      await overrides.close();
      await remote?.close();
    },
  };
}

function evaluateAll(
  prepared: readonly PreparedFlag[],
  identity: RolloutIdentity,
  stale: boolean,
): FlagSnapshot {
  const snapshot: Partial<FlagSnapshot> = {};
  for (const flag of prepared) {
    const found = flag.evaluate(identity);
    snapshot[flag.key] = stale ? { ...found, resolution_reason: 'STALE' } : found;
  }
  return snapshot as FlagSnapshot;
}

function writing(envFlags: Opening['envFlags']): FlagService['setWithin'] {
  return async (transaction, key, wanted) => {
    const read = async () => flagState(key, (await readOverrides(transaction)).get(key), envFlags[key]);
    await lockFlag(transaction, key);
    const before = await read();
    refuseOtherVersion(before, wanted);
    await writeOverride(transaction, toOverride(key, wanted));
    return { before, after: await read() };
  };
}

function toOverride(key: FlagKey, { enabled, rolloutPercent, reason, by, kill = false }: FlagChange) {
  return { key, enabled, rollout_percent: rolloutPercent, killed: kill, reason, updated_by: by };
}

function refuseOtherVersion({ key, version }: FlagState, { ifVersion }: FlagChange): void {
  if (ifVersion === undefined || ifVersion === version) return;
  throw new AppError(
    'precondition_failed',
    `The flag ${key} has been changed since: it is at version ${version}, not ${ifVersion}. Read it again and decide anew.`,
  );
}
