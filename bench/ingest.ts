import { createHash, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Knex } from 'knex';
import { acceptDocuments } from '../src/db/accept-documents.ts';
import { claimChunks, saveVectors } from '../src/db/embeddings.ts';
import { adoptVectors, claimTexts } from '../src/db/known-vectors.ts';
import { type NewChunk, storeParsed } from '../src/db/store-chunks.ts';
import { claimVersion, makeLive, type VersionKey } from '../src/db/versions.ts';
import { maxEmbeddingBatch } from '../src/jobs/batches.ts';
import { countWords } from '../src/retrieval/analyze.ts';
import { createTwins, filledTables, measureCopy, measureRowByRow, type Rate } from './ingest-copy.ts';
import { openSearchDatabase } from './search-database.ts';
import { createSynthetic, type Synthetic } from './synthetic.ts';
import { syntheticModel } from './synthetic-load.ts';

const usage = `[DATABASE_URL=…] npm run bench ingest [-- --chunks 10000] [--sizes 20,200] [--length 100] [--json FILE]

The database's part of ingestion: chunks, vectors, postings and their counts for documents of so many chunks each (--sizes), from
claimed to found, with vectors that are given; against one binary COPY a table of the same rows into tables with the same indexes, and
against one insert a row. Works in a database of its own on that server and drops it afterwards; without DATABASE_URL, embedded,
where there is no COPY to compare with.`;

const dimensions = 384;
const seed = 20_260_102;
/** Chunks of which the rows are inserted one by one: more would only take longer. */
const rowByRowChunks = 100;

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      chunks: { type: 'string', default: '10000' },
      sizes: { type: 'string', default: '20,200' },
      length: { type: 'string', default: '100' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const runs = [];
  for (const size of values.sizes.split(',').map(Number)) {
    const run = await measureSize(Number(values.chunks), size, Number(values.length));
    console.log(`documents of ${size} chunks: ${run.rows} rows`);
    console.table(run.table);
    runs.push(run);
  }
  const tier = process.env.DATABASE_URL ? 'postgres' : 'embedded';
  const result = { bench: 'ingest', tier, dimensions, chunks: Number(values.chunks), runs };
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result));
}

async function measureSize(chunks: number, size: number, length: number) {
  const { db, close } = await openSearchDatabase();
  try {
    await db('embedding_generations').insert({
      ...{ provider: 'local', model: syntheticModel, dimensions, status: 'live' },
    });
    const synthetic = createSynthetic({ seed, dimensions, length });
    const { seconds, steps } = await ingestAll(db, synthetic, chunks, size);
    const rows = await countRows(db);
    const ours: Rate = { rows, seconds };
    const table: Record<string, Record<string, number>> = { 'our stage': described(ours, ours) };
    if (process.env.DATABASE_URL) {
      await createTwins(db, 'copied');
      table['binary COPY'] = described(await measureCopy(db, 'copied'), ours);
    }
    for (const commitEach of [false, true]) {
      const suffix = commitEach ? 'committed' : 'inserted';
      await createTwins(db, suffix);
      const rate = await measureRowByRow(db, suffix, rowByRowChunks, { commitEach });
      table[`row by row${commitEach ? ', a commit each' : ''}`] = described(rate, ours);
    }
    return { size, rows, steps, table };
  } finally {
    await close();
  }
}

function described({ rows, seconds }: Rate, ours: Rate) {
  const rate = rows / seconds;
  return {
    rows,
    seconds: Number(seconds.toFixed(2)),
    rows_per_second: Math.round(rate),
    our_rate_is_so_many_times_this: Number((ours.rows / ours.seconds / rate).toFixed(2)),
  };
}

/** Ingests documents one after the other with the functions that the workers call; what is timed is the database's part. */
async function ingestAll(db: Knex, synthetic: Synthetic, chunks: number, size: number) {
  const steps = { store: 0, vectors: 0, live: 0 };
  for (let done = 0; done < chunks; done += size) {
    const made = Array.from({ length: Math.min(size, chunks - done) }, () => synthetic.chunk());
    const key = await accept(db);
    const parsed = { ...preparedChunks(made.map(({ text }) => text)), pages: [], found: {} };
    const started = performance.now();
    const claimed = await claimVersion(db, key);
    await storeParsed(db, key, claimed?.token ?? '', parsed);
    const stored = performance.now();
    await embedAll(
      db,
      key,
      made.map(({ vector }) => vector),
    );
    const embedded = performance.now();
    if (!(await makeLive(db, key))) throw new Error('a document did not go live');
    steps.store += (stored - started) / 1000;
    steps.vectors += (embedded - stored) / 1000;
    steps.live += (performance.now() - embedded) / 1000;
  }
  return { seconds: steps.store + steps.vectors + steps.live, steps };
}

function preparedChunks(texts: readonly string[]): { text: string; chunks: NewChunk[] } {
  let start = 0;
  const chunks = texts.map((text) => {
    const chunk = {
      start,
      end: start + text.length,
      page: null,
      heading: null,
      context: null,
      gap: null,
      text,
      ...countWords(text),
    };
    start = chunk.end + 1;
    return chunk;
  });
  return { text: texts.join('\n'), chunks };
}

/** As workers/embedding does it, with vectors that are there already. */
async function embedAll(db: Knex, key: VersionKey, vectors: readonly Float32Array[]): Promise<void> {
  for (let done = 0, after = -1; ; ) {
    const claimed = await claimChunks(db, key, syntheticModel, maxEmbeddingBatch, after);
    const { token, chunks } = claimed;
    if (chunks.length === 0 && after === -1) return;
    if (chunks.length === 0) {
      after = -1;
      continue;
    }
    const hashes = chunks.map(({ text }) => createHash('sha256').update(text).digest('hex'));
    await claimTexts(db, token, syntheticModel, hashes);
    const known = await adoptVectors(db, claimed, syntheticModel, hashes);
    if (known.size > 0) throw new Error('a text of the synthetic corpus came twice');
    const made = chunks.map((chunk, n) => {
      return { chunk, hash: hashes[n] as string, vector: vectors[done + n] as Float32Array };
    });
    await saveVectors(db, token, syntheticModel, made);
    done += chunks.length;
    if (chunks.length < maxEmbeddingBatch && after === -1) return;
    after = chunks.length < maxEmbeddingBatch ? -1 : (chunks.at(-1)?.n ?? -1);
  }
}

async function accept(db: Knex): Promise<VersionKey> {
  const attributes = {
    ...{ title: null, source_url: null, author: null, language: null },
    taxonomy_path: [],
    metadata: {},
  };
  const item = {
    ...{ externalId: null, attributes, priority: 5, contentType: 'text/plain', fileName: null },
    content: { text: randomUUID() },
  };
  const [accepted] = await db.transaction((trx) =>
    acceptDocuments(trx, [item], { apiKeyId: null, createPaths: false }),
  );
  return accepted as VersionKey;
}

async function countRows(db: Knex): Promise<number> {
  const counts = filledTables.map((table) => `(select count(*) from ${table})`).join(' + ');
  const { rows } = await db.raw(`select (${counts})::int as rows`);
  return rows[0].rows;
}

await main();
