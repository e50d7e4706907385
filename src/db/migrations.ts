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

/** Applies what is pending; returns the names applied. knex's lock row keeps concurrent callers apart. */
export async function migrate(db: Knex): Promise<string[]> {
  const [, applied] = (await db.migrate.latest({ migrationSource })) as [number, string[]];
  return applied;
}
