import { readConfig } from '../src/config.ts';
import { type Database, openDatabase } from '../src/db/connect.ts';
import { migrate } from '../src/db/migrations.ts';
import { openQueues, type Queues } from '../src/jobs/queues.ts';
import { migratePostgresStore } from '../src/jobs/store-postgres.ts';
import { createLog } from '../src/log.ts';
import { createMetrics } from '../src/metrics.ts';

export interface Bench {
  /** For the processes of the bench. */
  env: Record<string, string | undefined>;
  database: Database;
  queues: Queues;
}

/** A database of its own, migrated, with one document, on the server that `serverUrl` names. */
export async function openBench(serverUrl: string): Promise<Bench & { close(): Promise<void> }> {
  const name = `dt_rag_bench_${process.pid}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const crash = (error: Error) => {
    throw error;
  };
  const server = await openDatabase(readConfig(process.env, 'worker'), crash);
  await server.db.raw(`create database ${name}`);
  const env = { ...process.env, DATABASE_URL: url.href, QUEUE_PREFIX: name };
  const config = readConfig(env, 'worker');
  const database = await openDatabase(config, crash);
  await migrate(database.db, { alone: false });
  await migratePostgresStore(database.openQueuePool());
  await addDocument(database);
  const queues = openQueues(config, database, createLog('error'), createMetrics());
  return {
    env,
    database,
    queues,
    close: async () => {
      for (const queue of queues.list) await queue.obliterate({ force: true });
      await queues.close();
      await database.close();
      await server.db.raw(`drop database ${name} with (force)`);
      await server.close();
    },
  };
}

/** One findable chunk, so that every question has a source. */
async function addDocument({ db }: Database): Promise<void> {
  const text = 'The lighthouse keeper counts the ships that pass every night.';
  const words = ['lighthous', 'keeper', 'count', 'ship', 'pass', 'night'];
  const [document] = await db('documents').insert({ version: 1, live_version: 1 }).returning('id');
  await db('document_versions').insert({
    document_id: document.id,
    version: 1,
    status: 'ready',
    content_hash: 'bench',
    content_type: 'text/plain',
    attributes: '{}',
    bytes: text.length,
    text,
    chunk_count: 1,
  });
  const [chunk] = await db('chunks')
    .insert({
      document_id: document.id,
      version: 1,
      n: 0,
      start_char: 0,
      end_char: text.length,
      text,
      words,
      frequencies: words.map(() => 1),
      word_count: words.length,
      live: true,
    })
    .returning('seq');
  await db('postings').insert(
    words.map((word) => ({ word, chunk_seq: chunk.seq, frequency: 1, word_count: words.length })),
  );
  await db('corpus_state').update({ version: 1, live_chunks: 1, live_words: words.length });
}
