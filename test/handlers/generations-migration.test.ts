import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Database } from '../../src/db/connect.ts';
import { migrationSource } from '../../src/db/migrations.ts';
import { openTestDatabase } from '../support/stores.ts';

const name = '0007_generations_and_evaluations';
let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

it('takes the vectors of a corpus from before generations over, and goes back and forth', async () => {
  const { db } = database;
  const applied = (await migrationSource.getMigrations([])).map((file) =>
    migrationSource.getMigrationName(file),
  );
  for (const later of applied.slice(applied.indexOf(name)).reverse())
    await db.migrate.down({ migrationSource, name: `${later}` } as never);
  expect((await db.raw(`select to_regclass('embedding_generations') as gone`)).rows[0].gone).toBeNull();
  await db.raw(`
    insert into documents (id, version) values ('00000000-0000-4000-8000-000000000001', 1);
    insert into document_versions (document_id, version, content_hash, content_type, attributes, bytes)
    values ('00000000-0000-4000-8000-000000000001', 1, 'h', 'text/plain', '{}', 1);
    insert into chunks (document_id, version, n, start_char, end_char, text, words, frequencies, word_count)
    select '00000000-0000-4000-8000-000000000001', 1, n, 0, 1, 'x', '{}', '{}', 0 from generate_series(0, 2) as n;
    insert into chunk_vectors (chunk_seq, model, embedding) select seq, 'small@2', '[1,0]' from chunks;
    insert into chunk_vectors (chunk_seq, model, embedding) select seq, 'gemini-embedding-001@3', '[1,0,0]' from chunks where n = 0;
  `);
  await db.migrate.latest({ migrationSource });
  expect(
    await db('embedding_generations').orderBy('model').select('provider', 'model', 'dimensions', 'status'),
  ).toEqual([
    { provider: 'gemini', model: 'gemini-embedding-001@3', dimensions: 3, status: 'standby' },
    { provider: 'local', model: 'small@2', dimensions: 2, status: 'live' },
  ]);
});
