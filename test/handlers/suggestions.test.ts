import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Database } from '../../src/db/connect.ts';
import {
  decideSuggestion,
  listSuggestions,
  readClock,
  replaceSuggestions,
} from '../../src/db/taxonomy-suggestions.ts';
import { openTestDatabase } from '../support/stores.ts';
import { holdsHere } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

let database: Database;
let db: Knex;
let documents: string[];
beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
  const rows = await db('documents')
    .insert(Array.from({ length: 20 }, () => ({ version: 1 })))
    .returning('id');
  documents = rows.map(({ id }) => id);
});
beforeEach(() => db('taxonomy_suggestions').delete());
afterAll(() => database.close());

/** A subject without a node, of the first `count` documents after `from`. */
const missing = (words: string, count: number, from = 0) => {
  const of = documents.slice(from, from + count);
  return {
    ...{ kind: 'missing' as const, nodeIds: [], about: `missing ${words}` },
    ...{ evidence: { documents: of.length }, documents: of.map((id) => ({ id, part: 0 })) },
  };
};
const look = async (...found: ReturnType<typeof missing>[]) =>
  replaceSuggestions(db, found, await readClock(db));
const shown = async () =>
  (await listSuggestions(db, { limit: 50 })).items
    .map(({ status, evidence }) => [status, evidence.documents])
    .sort();
const decide = async (status: 'accepted' | 'rejected', trx?: Knex.Transaction) => {
  const [open] = (await listSuggestions(trx ?? db, { limit: 50, status: 'open' })).items;
  const decision = { status, by: 'somebody', reason: 'it is so' };
  const write = (within: Knex.Transaction) => decideSuggestion(within, open?.id as string, decision);
  expect(await (trx ? write(trx) : db.transaction(write))).toBe(true);
};

it('what is accepted while somebody looks is not left open beside it', async () => {
  await look(missing('rose tulip', 8));
  const since = await readClock(db);
  let looking: Promise<unknown> = Promise.resolve();
  await db.transaction(async (trx) => {
    await decide('accepted', trx);
    looking = replaceSuggestions(db, [missing('rose tulip', 8)], since);
    if (holdsHere('connections have sessions of their own'))
      await waitFor('it waits for the decision', async () => {
        const { rows } = await db.raw(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
        return rows.length > 0;
      });
  });
  await looking;
  expect(await shown()).toEqual([['accepted', 8]]);
  await look(missing('rose tulip', 8));
  expect(await shown()).toEqual([['accepted', 8]]);
});

it('documents are the same subject, whatever words tell them', async () => {
  await look(missing('rose tulip', 8));
  expect(await look(missing('hedge rose', 9), missing('brake engine', 8, 12))).toEqual({
    ...{ fresh: 1, outdated: 0 },
  });
  expect(await shown()).toEqual([
    ['open', 8],
    ['open', 9],
  ]);
  await look(missing('hedge rose', 9));
  await decide('rejected');
  await look(missing('garden soil', 10));
  expect(await shown()).toEqual([
    ['outdated', 8],
    ['rejected', 9],
  ]);
  expect((await look(missing('garden soil', 14))).fresh, 'half as many more').toBe(1);
});
