import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Knex } from 'knex';
import { createScopeCache, type ScopeCache } from '../src/db/scope-cache.ts';
import { searchMeaning } from '../src/db/search-meaning.ts';
import { readWordStatistics, searchWords } from '../src/db/search-words.ts';
import { ensureVectorIndex } from '../src/db/vector-index.ts';
import type { Embedder } from '../src/models/embedder.ts';
import { analyze } from '../src/retrieval/analyze.ts';
import type { Filters, Strategy } from '../src/retrieval/passage.ts';
import { retrieve } from '../src/retrieval/retrieve.ts';
import { openSearchDatabase } from './search-database.ts';
import { createSynthetic, type SyntheticChunk, type SyntheticQuery } from './synthetic.ts';
import { loadSynthetic, syntheticModel } from './synthetic-load.ts';

const usage = `[DATABASE_URL=…] npm run bench search [-- --sizes 10000,100000] [--queries 200] [--length 100] [--keep NAME] [--json FILE]

Times of search, its legs and its filters over a synthetic corpus, and recall of the vector leg against an exact scan; once for
every size. Works in a database of its own on that server and drops it afterwards; without DATABASE_URL, embedded, in a
folder that is deleted. With --keep (on a server, one size) the database stays, and the next run of that name finds it filled.`;

const dimensions = 384;
const k = 10;
const seed = 20_260_101;
/** What hybrid search asks of each leg for ten passages (src/retrieval/retrieve.ts). */
const legDepth = 50;
const warmUp = 50;
/** As SCOPE_CACHE_MB has it. */
const scopeCacheBytes = 64 * 2 ** 20;
/** Questions for what is there to be compared with only. */
const slowest = 50;

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      sizes: { type: 'string' },
      queries: { type: 'string', default: '200' },
      length: { type: 'string', default: '100' },
      json: { type: 'string' },
      keep: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const embedded = !process.env.DATABASE_URL;
  const sizes = (values.sizes ?? (embedded ? '10000' : '100000')).split(',').map(Number);
  const runs: Awaited<ReturnType<typeof measureSize>>[] = [];
  for (const size of sizes) {
    const database = await openSearchDatabase(values.keep);
    try {
      const run = await measureSize(
        database.db,
        size,
        Number(values.queries),
        Number(values.length),
        embedded,
      );
      console.log(`${run.chunks} chunks, ${run.postings} postings`);
      console.table(run.times);
      console.table(run.recall);
      runs.push(run);
    } finally {
      await database.close();
    }
  }
  const result = { bench: 'search', tier: embedded ? 'embedded' : 'postgres', dimensions, k, runs };
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result));
}

const narrow: { filter: string; filters: Filters; share: number }[] = [
  { filter: 'none', filters: {}, share: 1 },
  { filter: '10 %', filters: { metadata: { tenth: 3 } }, share: 0.1 },
  { filter: '1 %', filters: { metadata: { hundredth: 3 } }, share: 0.01 },
];

async function measureSize(db: Knex, chunks: number, asked: number, length: number, embedded: boolean) {
  const synthetic = createSynthetic({ seed, dimensions, length });
  const queries: SyntheticQuery[] = [];
  const every = Math.max(1, Math.floor(chunks / asked));
  let seen = 0;
  const onChunk = (chunk: SyntheticChunk) => {
    if (seen++ % every === 0 && queries.length < asked) queries.push(synthetic.query(chunk));
  };
  const loading = performance.now();
  const kept = await countChunks(db);
  if (kept !== 0 && kept !== chunks)
    throw new Error(`The kept database has ${kept} chunks, not ${chunks}: drop it or keep another one.`);
  // Asked about are the same chunks, so they are made again where they need not be written.
  if (kept > 0) for (let n = 0; n < chunks; n++) onChunk(synthetic.chunk());
  else await loadSynthetic(db, synthetic, chunks, onChunk);
  const loaded = seconds(loading);
  if (kept === 0) await db.raw('vacuum analyze');
  const indexing = performance.now();
  // Where the service would make one: workers/upkeep/tend-vector-indexes.ts.
  const indexed = !embedded && chunks > 20_000;
  const made = indexed && (await ensureVectorIndex(db, syntheticModel, dimensions));
  const index = { made, seconds: made ? seconds(indexing) : 0 };
  const { words, postings } = await describe(db, queries);
  return {
    ...{ chunks, queries: queries.length, mean_length: length, postings, loaded_seconds: loaded, index },
    postings_asked: words,
    times: await measureTimes(db, queries, indexed),
    recall: await measureRecall(db, queries, createScopeCache(scopeCacheBytes)),
  };
}

async function countChunks(db: Knex): Promise<number> {
  const { rows } = await db.raw('select live_chunks::int as chunks from corpus_state');
  return rows[0].chunks;
}

type Ask = (query: SyntheticQuery) => Promise<unknown>;

/** Each way to ask over all questions, one at a time; before that some of them to warm up. */
async function measureTimes(db: Knex, queries: readonly SyntheticQuery[], indexed: boolean) {
  const rows: { what: string; filter: string; p50_ms: number; p95_ms: number; p99_ms: number }[] = [];
  const scopes = createScopeCache(scopeCacheBytes);
  const measure = async (what: string, filter: string, ask: Ask, most = queries.length) => {
    const times: number[] = [];
    for (const query of queries.slice(0, warmUp)) await ask(query);
    for (const query of queries.slice(0, most)) {
      const started = performance.now();
      await ask(query);
      times.push(performance.now() - started);
    }
    const [p50_ms, p95_ms, p99_ms] = [0.5, 0.95, 0.99].map((q) => quantile(times, q)) as [
      number,
      number,
      number,
    ];
    rows.push({ what, filter, p50_ms, p95_ms, p99_ms });
  };
  await measure('pgvector alone', 'none', (query) => rawVector(db, query, indexed));
  await measure('BM25 alone', 'none', (query) => rawWords(db, query, k));
  await measure(`BM25 alone, ${legDepth} best`, 'none', (query) => rawWords(db, query, legDepth));
  await measure('ts_rank', 'none', (query) => rawTextRank(db, query), slowest);
  for (const { filter, filters } of narrow)
    for (const strategy of ['vector', 'keyword', 'hybrid'] as const)
      await measure(strategy, filter, (query) => search(db, query, strategy, filters, scopes));
  return rows;
}

/** What anybody would write with pgvector: the ten nearest, in one statement. */
async function rawVector(db: Knex, { vector }: SyntheticQuery, indexed: boolean) {
  const type = `${indexed ? 'halfvec' : 'vector'}(${dimensions})`;
  return db.raw(
    `select chunk_seq from chunk_vectors where model = ? order by embedding::${type} <=> ?::${type} limit ?`,
    [syntheticModel, `[${vector.join(',')}]`, k],
  );
}

async function rawWords(db: Knex, { text }: SyntheticQuery, limit: number) {
  return searchWords(db, await readWordStatistics(db, analyze(text).words), { limit });
}

/** Postgres' own full-text ranking of the same words, any of them, through a GIN index. */
async function rawTextRank(db: Knex, { text }: SyntheticQuery) {
  const words = [...new Set(analyze(text).words)];
  return db.raw(
    `select seq from bench_texts, (select ?::tsquery as q) as asked where words @@ q order by ts_rank(words, q, 1) desc limit ?`,
    [words.map((word) => `'${word}'`).join(' | '), k],
  );
}

/** Search as the service does it, but that the question's vector is given rather than made. */
async function search(
  db: Knex,
  query: SyntheticQuery,
  strategy: Strategy,
  filters: Filters,
  scopes: ScopeCache,
) {
  const embedder: Embedder = {
    ...{ model: syntheticModel, dimensions, maxBatch: 1 },
    reads: () => 1,
    embed: async () => [query.vector],
    close: async () => undefined,
  };
  return retrieve(query.text, { db, embedder, scopes }, { k, strategy, filters });
}

/** Recall of the ten nearest as search asks for them, and how often hybrid search returns ten passages. */
async function measureRecall(db: Knex, queries: readonly SyntheticQuery[], scopes: ScopeCache) {
  const rows: { filter: string; recall_at_10: number; full: number }[] = [];
  for (const { filter, filters } of narrow) {
    let [hits, expected, full] = [0, 0, 0];
    for (const query of queries) {
      const asked = { model: syntheticModel, vector: query.vector };
      const nearest = await searchMeaning(db, asked, { limit: k, filters, exact: true });
      const { passages } = await search(db, query, 'vector', filters, scopes);
      const found = new Set(passages.map(({ chunkSeq }) => chunkSeq));
      hits += nearest.filter(({ seq }) => found.has(seq)).length;
      expected += nearest.length;
      if ((await search(db, query, 'hybrid', filters, scopes)).passages.length === nearest.length) full++;
    }
    rows.push({ filter, recall_at_10: hits / expected, full: full / queries.length });
  }
  return rows;
}

/** How many postings the questions' words have together, and the corpus in all. Also makes what ts_rank reads. */
async function describe(db: Knex, queries: readonly SyntheticQuery[]) {
  await db.raw(
    `create table if not exists bench_texts as
       select seq, array_to_tsvector(words) as words from chunks`,
  );
  await db.raw('create index if not exists bench_texts_words on bench_texts using gin (words)');
  await db.raw('vacuum analyze bench_texts');
  const sums: number[] = [];
  for (const { text } of queries) {
    const { words } = await readWordStatistics(db, analyze(text).words);
    sums.push(words.reduce((sum, { documents }) => sum + documents, 0));
  }
  const { rows } = await db.raw('select count(*)::float8 as postings from postings');
  return { postings: rows[0].postings, words: { p50: quantile(sums, 0.5), p95: quantile(sums, 0.95) } };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return round(sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number);
}

function seconds(since: number): number {
  return round((performance.now() - since) / 1000);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

await main();
