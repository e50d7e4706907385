import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { inject } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { type Database, openDatabase } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrations.ts';
import { createDatabase, databaseUrl, deleteQueues, dropDatabases, serverUrl } from './server.ts';
import { holdsHere, tier } from './tier.ts';

/** Where one service keeps its rows and queues, on the tier of the run. */
export interface Stores {
  dataDir: string;
  /** What every process of the service is given. */
  environment: Record<string, string>;
  /** To look into its rows, on the embedded tier while it runs. */
  connection: pg.ClientConfig;
  remove(): Promise<void>;
}

/** Stores of their own, so that no test file sees another's: empty, and migrated where the run has a template. */
export async function createStores(): Promise<Stores> {
  const dataDir = await mkdtemp(join(tmpdir(), 'dt-rag-test-'));
  const removeFolder = () => rm(dataDir, { recursive: true, force: true });
  // Questions that a test repeats are answered anew, unless it is about the cache.
  const environment = { ENVIRONMENT: 'testing', DATA_DIR: dataDir, ANSWER_CACHE_TTL_SECONDS: '0' };
  if (tier === 'embedded') {
    const template = inject('template');
    if (template) await cp(template, dataDir, { recursive: true });
    const connection = { host: dataDir, port: 5432, user: 'postgres', database: 'postgres' };
    return { dataDir, environment, connection, remove: removeFolder };
  }
  const run = inject('run');
  const name = `${run}_${randomBytes(4).toString('hex')}`;
  await createDatabase(name, run);
  const url = databaseUrl(name);
  return {
    dataDir,
    environment: {
      ...environment,
      DATABASE_URL: url,
      ...(holdsHere('there is a Redis')
        ? { REDIS_URL: serverUrl('TEST_REDIS_URL'), QUEUE_PREFIX: name }
        : {}),
      SECRET_KEY: randomBytes(32).toString('hex'),
      ADMIN_API_KEY: `admin-key-${randomBytes(16).toString('hex')}`,
    },
    connection: { connectionString: url },
    remove: async () => {
      await removeFolder();
      await dropDatabases(name);
      if (holdsHere('there is a Redis')) await deleteQueues(name);
    },
  };
}

/** The migrated database of such stores alone; `close` removes it. */
export async function openTestDatabase(): Promise<Database> {
  const stores = await createStores();
  const database = await openDatabase(readConfig(stores.environment), (error) => {
    throw error;
  });
  if (tier === 'embedded') await migrate(database.db, { alone: true });
  return {
    ...database,
    close: async () => {
      await database.close();
      await stores.remove();
    },
  };
}
