import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Knex } from 'knex';

const folder = fileURLToPath(new URL('../../migrations', import.meta.url));

/**
 * Names migrations without their extension, so that a database migrated from `.ts` (development) and one migrated
 * from `.js` (image) are the same to knex, which otherwise calls the directory corrupt.
 */
export const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: async () =>
    (await readdir(folder)).filter((name) => /^\d{4}_.*\.(ts|js)$/.test(name)).sort(),
  getMigrationName: (file) => file.replace(/\.(ts|js)$/, ''),
  getMigration: async (file) => (await import(pathToFileURL(join(folder, file)).href)) as Knex.Migration,
};

/** Any number, as long as it is ours: holders of this advisory lock are migrating. */
const migrationLock = 4_207_000;

/**
 * Applies what is pending; returns the names applied. Callers in many processes wait for each other. `alone`: the database
 * has one session (embedded), which a waiting transaction would hold, and one process, so there is nobody to wait for.
 */
export async function migrate(db: Knex, { alone }: { alone: boolean }): Promise<string[]> {
  const latest = async () => ((await db.migrate.latest({ migrationSource })) as [number, string[]])[1];
  if (alone) return latest();
  return db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(?)', [migrationLock]);
    return latest();
  });
}
