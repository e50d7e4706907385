import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { createDatabase, databaseUrl, deleteQueues, dropDatabases, serverUrl } from './server.ts';
import { holdsHere, tier } from './tier.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Names everything that this run keeps on servers; also the migrated database that others are copied from. */
    run: string;
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Once a run, on tiers with servers: a database migrated by the real command, and a clean-up of all that was made. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const run = `dtrag_test_${randomBytes(4).toString('hex')}`;
  project.provide('run', run);
  if (tier === 'embedded') return undefined;
  if (holdsHere('there is a Redis')) serverUrl('TEST_REDIS_URL');
  await createDatabase(run);
  const { PATH = '' } = process.env;
  await promisify(execFile)(process.execPath, ['--import', 'tsx', 'src/migrate.ts', 'latest'], {
    cwd: root,
    env: { PATH, DATABASE_URL: databaseUrl(run) },
  });
  return async () => {
    await dropDatabases(run);
    if (holdsHere('there is a Redis')) await deleteQueues(run);
  };
}
