import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginDelete } from '../../src/db/operations.ts';
import { clearCache } from '../../src/db/query-cache.ts';
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
  const deps = { db: context.db, embedders: context.embedders, bm25: bm25Defaults, cacheTtlSeconds: 600 };
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
