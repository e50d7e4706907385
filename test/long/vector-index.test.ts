import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createScopeCache } from '../../src/db/scope-cache.ts';
import { type MeaningSearch, searchMeaning } from '../../src/db/search-meaning.ts';
import { fewChunks, findScope } from '../../src/db/search-scope.ts';
import { ensureVectorIndex, hasVectorIndex, vectorIndexName } from '../../src/db/vector-index.ts';
import { measureVectorRecall } from '../../src/retrieval/vector-recall.ts';
import { measureVectorRecall as measureJob } from '../../workers/upkeep/measure-vector-recall.ts';
import { tendVectorIndexes } from '../../workers/upkeep/tend-vector-indexes.ts';
import { type HandlerBench, openBench } from '../support/context.ts';

const dimensions = 8;
const model = "it's a model@8";
/** Chunks by the colour of their document: more than the exact scan takes, a few, and the rest. */
const colours = { green: fewChunks + 500, red: 40, blue: 1500 };

let bench: HandlerBench;
beforeAll(async () => {
  bench = await openBench();
  const { db } = bench.context;
  for (const [colour, chunks] of Object.entries(colours)) {
    await db.raw(
      `with d as (insert into documents (version, live_version, metadata) values (1, 1, jsonb_build_object('colour', ?::text)) returning id),
            v as (insert into document_versions (document_id, version, status, content_hash, content_type, attributes, bytes)
                  select id, 1, 'ready', '', 'text/plain', '{}', 0 from d returning document_id)
       insert into chunks (document_id, version, n, start_char, end_char, text, words, frequencies, word_count, live)
       select document_id, 1, n, 0, 1, 'x', '{}', '{}', 0, n % 50 > 0 from v, generate_series(1, ?) as n`,
      [colour, chunks],
    );
  }
  await addVectors();
});
afterAll(() => bench.close());

/** One in fifty chunks is not live; vectors are a spiral, the same in every run. */
async function addVectors(): Promise<void> {
  await bench.context.db.raw(
    `insert into chunk_vectors (chunk_seq, model, embedding)
     select seq, ?, (select array_agg(sin(seq * 0.7 * i) + 0.3 * cos(seq * i * i)) from generate_series(1, ?) as i)::real[]::vector
       from chunks`,
    [model, dimensions],
  );
  await bench.context.db.raw('analyze');
}

const queries = Array.from({ length: 20 }, (_, q) => ({
  model,
  vector: Float32Array.from({ length: dimensions }, (_, i) => Math.sin(q * 1.3 * (i + 1)) + 0.1),
}));

const seqs = async (query: (typeof queries)[number], search: MeaningSearch) =>
  (await searchMeaning(bench.context.db, query, search)).map(({ seq }) => seq);

async function recall(search: MeaningSearch): Promise<number> {
  let [hits, expected] = [0, 0];
  for (const query of queries) {
    const exact = await seqs(query, { ...search, exact: true });
    const found = await seqs(query, search);
    expect(found).toHaveLength(exact.length);
    expect(new Set(found).size).toBe(found.length);
    hits += exact.filter((seq) => found.includes(seq)).length;
    expected += exact.length;
  }
  return hits / expected;
}

const tend = (from: number) =>
  tendVectorIndexes.run(
    {},
    { ...bench.context, config: { ...bench.context.config, VECTOR_INDEX_FROM: from } },
  );

describe('upkeep', () => {
  it('makes an index where there are enough vectors, and search uses it', async () => {
    const { db } = bench.context;
    await tend(2 * fewChunks);
    expect(await hasVectorIndex(db, model, dimensions)).toBe(false);
    await tend(fewChunks);
    expect(await hasVectorIndex(db, model, dimensions)).toBe(true);
    expect(await ensureVectorIndex(db, model, dimensions)).toBe(false);
    const { rows } = await db.raw(
      `explain select chunk_seq from chunk_vectors v where model = ? and coalesce((select true from chunks c where c.live and c.seq = v.chunk_seq), false)
        order by embedding::halfvec(8) <=> '[1,2,3,4,5,6,7,8]'::halfvec(8) limit 10`,
      [model],
    );
    expect(JSON.stringify(rows)).toContain(vectorIndexName(model, dimensions));
  });

  it('makes one anew that a killed build left behind', async () => {
    const { db } = bench.context;
    const name = vectorIndexName(model, dimensions);
    await db.raw('update pg_index set indisvalid = false where indexrelid = to_regclass(?)', [name]);
    expect(await hasVectorIndex(db, model, dimensions)).toBe(false);
    expect(await ensureVectorIndex(db, model, dimensions)).toBe(true);
    expect(await hasVectorIndex(db, model, dimensions)).toBe(true);
  });

  it('measures recall, of models with an index', async () => {
    const { db } = bench.context;
    await measureJob.run({}, bench.context);
    const row = await db('vector_recall').where({ model }).first();
    expect(row).toMatchObject({ k: 10, samples: 20, indexed: true });
    expect(row.recall).toBeGreaterThanOrEqual(0.95);
  });
});

describe('search through the index', () => {
  beforeEach(() => tend(fewChunks));

  it.each<[string, MeaningSearch, number]>([
    ['no filter', { limit: 10 }, 0.95],
    ['no filter, beyond ef_search', { limit: 300 }, 0.9],
    ['a filter that leaves many', { limit: 10, filters: { metadata: { colour: 'green' } } }, 0.95],
    ['a filter that leaves few', { limit: 10, filters: { metadata: { colour: 'red' } } }, 1],
    ['more than there are', { limit: 100, filters: { metadata: { colour: 'red' } } }, 1],
    ['a filter that leaves nothing', { limit: 10, filters: { metadata: { colour: 'white' } } }, Number.NaN],
  ])('finds as many as an exact scan, and the same: %s', async (_name, search, least) => {
    const found = await recall(search);
    if (Number.isNaN(least)) expect(found).toBeNaN();
    else expect(found).toBeGreaterThanOrEqual(least);
  });

  it('keeps to the filters as search asks, which knows beforehand what they leave', async () => {
    const { db } = bench.context;
    const filters = { metadata: { colour: 'green' } };
    const lookedUp = await findScope(db, filters);
    expect(lookedUp.kind, 'more than are looked at one by one').toBe('many');
    const listed = await findScope(db, filters, createScopeCache(2 ** 20));
    expect(listed).toMatchObject({ kind: 'many', set: { count: (colours.green * 49) / 50 } });
    const green = new Set(
      await db('chunks as c')
        .join('documents as d', 'd.id', 'c.document_id')
        .whereRaw(`d.metadata->>'colour' = 'green'`)
        .pluck('c.seq'),
    );
    for (const query of queries)
      for (const scope of [lookedUp, listed]) {
        const found = await seqs(query, { limit: 100, scope, indexed: true });
        expect(found).toHaveLength(100);
        expect(found.filter((seq) => !green.has(seq))).toEqual([]);
      }
  });

  it('lists many anew where the last list was of use, or for the second search of a version', async () => {
    const { db } = bench.context;
    const scopes = createScopeCache(2 ** 20);
    const lists = async () => {
      const scope = await findScope(db, { metadata: { colour: 'green' } }, scopes);
      return scope.kind === 'many' && scope.set !== undefined;
    };
    const change = () => db('corpus_state').increment('version', 1);
    expect(await lists(), 'at first').toBe(true);
    await change();
    expect(await lists(), 'not used before the change').toBe(false);
    await change();
    expect(await lists(), 'nor now').toBe(false);
    expect(await lists(), 'the second search').toBe(true);
    expect(await lists(), 'which is used').toBe(true);
    await change();
    expect(await lists(), 'and so made again').toBe(true);
  });

  it('gives the whole corpus when asked for it, and never what is not live', async () => {
    const { db } = bench.context;
    const live = await db('chunks').where({ live: true }).pluck('seq');
    const found = await seqs(queries[0] as (typeof queries)[number], { limit: 2 * fewChunks });
    expect(found.sort((a, b) => a - b)).toEqual(live.sort((a: number, b: number) => a - b));
  });

  it('drops the index when its model has no vector left', async () => {
    const { db } = bench.context;
    await db('chunk_vectors').where({ model }).delete();
    await tend(fewChunks);
    expect(await hasVectorIndex(db, model, dimensions)).toBe(false);
    expect(await measureVectorRecall(db, { model, dimensions }, { k: 10, samples: 5 })).toBeUndefined();
    await addVectors();
    expect(await recall({ limit: 10 })).toBe(1);
  });
});
