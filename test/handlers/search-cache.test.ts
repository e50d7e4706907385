import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginDelete } from '../../src/db/operations.ts';
import { type CacheEntry, clearCache, writeCache } from '../../src/db/query-cache.ts';
import { createScopeCache } from '../../src/db/scope-cache.ts';
import { findScope } from '../../src/db/search-scope.ts';
import { bm25Defaults } from '../../src/db/search-words.ts';
import { readHitRatios } from '../../src/hit-ratios.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { createSearch, type Search, type SearchOptions } from '../../src/retrieval/search.ts';
import type { Context } from '../../workers/context.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { ready } from '../support/ingest.ts';

let bench: HandlerBench;
let context: Context;
/** As two processes have them: nothing shared but the database. */
let here: Search;
let there: Search;
let metrics: Metrics;

beforeAll(async () => {
  bench = await openBench();
  context = bench.context;
  metrics = createMetrics();
  const deps = {
    ...{ db: context.db, embedders: context.embedders, bm25: bm25Defaults, cacheTtlSeconds: 600 },
    scopeCacheBytes: 2 ** 20,
  };
  here = createSearch({ ...deps, metrics });
  there = createSearch({ ...deps, metrics: createMetrics() });
  for (const word of ['heron', 'otter']) await addReady(`The ${word} waits at the weir in the morning.`);
});
afterAll(() => bench.close());
beforeEach(async () => void (await clearCache(context.db)));

const addReady = async (text: string) => (await ready(context, { text })).documentId;

const options: SearchOptions = {
  k: 5,
  strategy: 'hybrid',
  filters: {},
  audience: { scope: 'read', flags: ['debate_mode', 'mcp_tools'] },
};
const ask = async (search: Search, changed: Partial<SearchOptions> = {}) =>
  search.retrieve('Who waits at the weir?', { ...options, ...changed });

describe('the cache of results', () => {
  it('is shared by processes and serves the same request alone', async () => {
    expect((await ask(here)).cache).toBe('miss');
    const again = await ask(there);
    expect(again.cache).toBe('hit');
    expect(again.retrieval).toEqual((await ask(here)).retrieval);
    const others: Partial<SearchOptions>[] = [
      { k: 4 },
      { strategy: 'keyword' },
      { filters: { canonicalIn: [['HR']] } },
      { audience: { scope: 'write', flags: options.audience.flags } },
      { audience: { scope: 'read', flags: ['debate_mode'] } },
      { audience: { scope: 'read', flags: [] } },
    ];
    for (const other of others) expect([other, (await ask(there, other)).cache]).toEqual([other, 'miss']);
    const reordered = { scope: 'read', flags: [...options.audience.flags].reverse() } as const;
    expect((await ask(there, { audience: reordered })).cache, 'the same flags').toBe('hit');
  });

  it('keeps later what is handed on for that, and nothing of a corpus that has changed since', async () => {
    const entries: CacheEntry[] = [];
    const keep = (found: readonly CacheEntry[]) => void entries.push(...found);
    await ask(here, { keep });
    expect((await ask(there, { keep })).cache, 'nothing is written yet').toBe('miss');
    expect(
      entries.map(({ key }) => key),
      'the same twice',
    ).toHaveLength(4);
    await writeCache(context.db, entries);
    expect((await ask(there)).cache).toBe('hit');
    await clearCache(context.db);
    await beginDelete(context.db, await addReady('The grebe waits at the weir, too.'));
    await writeCache(context.db, entries);
    expect(await clearCache(context.db, 'search:*'), 'results').toBe(0);
    expect(await clearCache(context.db), 'the vector of the question').toBe(1);
  });

  it('serves nothing of a deleted document in the very next search, and is cleared for every process', async () => {
    const doomed = await addReady('The kingfisher waits at the weir, too.');
    const ids = async (search: Search) => {
      const { cache, retrieval } = await ask(search);
      return { cache, found: retrieval.passages.map(({ documentId }) => documentId).includes(doomed) };
    };
    expect(await ids(here)).toEqual({ cache: 'miss', found: true });
    expect(await ids(there)).toEqual({ cache: 'hit', found: true });
    await beginDelete(context.db, doomed);
    expect(await ids(there)).toEqual({ cache: 'miss', found: false });
    expect(await ids(here)).toEqual({ cache: 'hit', found: false });
    expect(await clearCache(context.db)).toBe(2);
    expect((await ids(there)).cache).toBe('miss');
  });

  it('is neither read nor filled by a search that measures', async () => {
    expect((await ask(here, { fresh: true })).cache).toBe('off');
    expect((await ask(here)).cache).toBe('miss');
    expect((await ask(here, { fresh: true })).cache).toBe('off');
  });
});

describe('what filters leave', () => {
  const filters = { metadata: { kind: 'bird' } };

  it('is kept while corpus and taxonomy are as they were', async () => {
    await ready(context, { text: 'The grebe waits at the weir.', metadata: { kind: 'bird' } });
    const scopes = createScopeCache(2 ** 20);
    const find = async () => {
      const scope = await findScope(context.db, filters, scopes);
      return scope.kind === 'few' ? scope.seqs : [];
    };
    const first = await find();
    expect(first).toHaveLength(1);
    expect(await find(), 'not read again').toBe(first);
    await addReady('The heron is back.');
    const second = await find();
    expect(second).not.toBe(first);
    expect(second).toEqual(first);
    const elsewhere = { ...filters, access: { collections: ['elsewhere'] } };
    expect(await findScope(context.db, elsewhere, scopes)).toMatchObject({ kind: 'few', seqs: [] });
  });

  it('is found anew by the very next search after a change, in every process', async () => {
    const found = async (search: Search) =>
      (await ask(search, { filters, fresh: true })).retrieval.passages.map(({ documentId }) => documentId);
    const add = (name: string, kind: string) =>
      ready(context, { text: `The ${name} waits at the weir.`, externalId: name, metadata: { kind } });
    const expectFound = async (documentId: string, is: boolean) => {
      for (const search of [here, there]) expect((await found(search)).includes(documentId)).toBe(is);
    };
    const { documentId } = await add('dipper', 'bird');
    await expectFound(documentId, true);
    await add('dipper', 'fish');
    await expectFound(documentId, false);
    await add('dipper', 'bird');
    await expectFound(documentId, true);
    await beginDelete(context.db, documentId);
    await expectFound(documentId, false);
  });
});

describe('the cache of query embeddings', () => {
  it('outlives changes of the corpus, gives the same vector, and counts', async () => {
    const before = await readHitRatios(metrics.cacheLookups);
    const first = await ask(here, { strategy: 'vector' });
    await addReady('The wagtail waits elsewhere.');
    const second = await ask(here, { strategy: 'vector' });
    expect([first.cache, second.cache]).toEqual(['miss', 'miss']);
    const scores = ({ retrieval }: typeof first) =>
      new Map(retrieval.passages.map(({ chunkId, vectorScore }) => [chunkId, vectorScore]));
    for (const [chunk, score] of scores(first)) expect(scores(second).get(chunk)).toBe(score);
    const after = await readHitRatios(metrics.cacheLookups);
    expect(after.embeddings.hits - before.embeddings.hits).toBe(1);
    expect(after.embeddings.misses - before.embeddings.misses).toBe(1);
    expect(after.results.misses - before.results.misses).toBe(2);
    const { hits, misses, hit_ratio } = after.results;
    expect(hit_ratio).toBe(hits / (hits + misses));
    const text = await metrics.registry.metrics();
    expect(text).toContain(`rag_cache_hit_ratio{cache="results"} ${hit_ratio}`);
    expect(text).toContain(`rag_cache_lookups_total{cache="results",outcome="hit"} ${hits}`);
  });
});
