import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Database } from '../../src/db/connect.ts';
import { migrationSource } from '../../src/db/migrations.ts';
import { openTestDatabase } from '../support/stores.ts';

const name = '0017_collections';
let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

it('keeps documents of one name apart when collections are taken back', async () => {
  const { db } = database;
  const names = async () => (await db('documents').orderBy('external_id').pluck('external_id')) as string[];
  await db('documents').insert([
    { external_id: 'same', version: 1 },
    { external_id: 'same', version: 1, collection: 'other' },
    { external_id: 'alone', version: 1, collection: 'other' },
  ]);
  await expect(db('documents').insert({ external_id: 'same', version: 1 })).rejects.toThrow(/unique/);
  const applied = (await migrationSource.getMigrations([])).map((file) =>
    migrationSource.getMigrationName(file),
  );
  for (const later of applied.slice(applied.indexOf(name)).reverse())
    await db.migrate.down({ migrationSource, name: `${later}` } as never);
  expect(await names()).toEqual(['alone', 'other/same', 'same']);
  await expect(db('documents').insert({ external_id: 'alone', version: 1 })).rejects.toThrow(/unique/);
  await db.migrate.latest({ migrationSource });
  expect(await names()).toEqual(['alone', 'other/same', 'same']);
});
