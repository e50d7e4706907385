import type { Knex } from 'knex';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { createFailedKeys, type FailedKeys } from './failed-keys.ts';
import { createKeyUseWriter, type KeyUseWriter } from './key-use.ts';
import { createKnownKeys, type KnownKeys } from './known-keys.ts';
import { createPermits, type Permits } from './permits.ts';

/** What an API process keeps in memory of those who call it. */
export interface Callers {
  known: KnownKeys;
  permits: Permits;
  use: KeyUseWriter;
  failed: FailedKeys;
  /** Requests a second that this key may make. */
  burstOf(key: { burst: number | null; rate_limit: number }): number;
  /** Writes what is still to be written. */
  close(): Promise<void>;
}

export function openCallers(db: Knex, log: Log, { KEY_BURST }: Pick<Config, 'KEY_BURST'>): Callers {
  const permits = createPermits(db);
  const use = createKeyUseWriter(db, log);
  return {
    known: createKnownKeys(db),
    permits,
    use,
    failed: createFailedKeys(),
    burstOf: ({ burst, rate_limit }) => burst ?? usualBurst(rate_limit, KEY_BURST),
    close: async () => {
      await permits.close();
      await use.flush();
    },
  };
}

/** Ten times the mean rate of the hour where that is more: a high limit can then be used up as it comes. */
function usualBurst(rateLimit: number, configured: number): number {
  return Math.max(configured, Math.ceil(rateLimit / 360));
}
