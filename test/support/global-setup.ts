import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { createDatabase, databaseUrl, deleteQueues, dropDatabases, serverUrl } from './server.ts';
import { holdsHere, tier } from './tier.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Names everything that this run keeps on servers; also the migrated database that others are copied from. */
    run: string;
    /** On the embedded tier: the directory of a migrated database that others are copied from. */
    template: string;
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Once a run: a migrated database, on tiers with servers by the real command, and a clean-up of all that was made. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = `dtrag_test_${randomBytes(4).toString('hex')}`;
  project.provide('run', run);
  if (tier === 'embedded') return setupEmbedded(project);
  if (holdsHere('there is a Redis')) serverUrl('TEST_REDIS_URL');
  await createDatabase(run);
  await runScript(['src/migrate.ts', 'latest'], { DATABASE_URL: databaseUrl(run) });
  return async () => {
    await dropDatabases(run);
    if (holdsHere('there is a Redis')) await deleteQueues(run);
  };
}

/** Making a database takes longer than most tests that need one. */
async function setupEmbedded(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'dt-rag-test-template-'));
  await runScript(['test/support/make-template.ts', directory]);
  project.provide('template', directory);
  return () => rm(directory, { recursive: true, force: true });
}

async function runScript(command: string[], environment: Record<string, string> = {}): Promise<void> {
  const { PATH = '' } = process.env;
  await promisify(execFile)(process.execPath, ['--import', 'tsx', ...command], {
    cwd: root,
    env: { PATH, ...environment },
  });
}
