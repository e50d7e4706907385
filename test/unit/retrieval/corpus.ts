import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { readConfig } from '../../../src/config.ts';
import { openDatabase } from '../../../src/db/connect.ts';
import { setGiven } from '../../../src/db/given-nodes.ts';
import { migrate } from '../../../src/db/migrations.ts';
import { ensurePaths } from '../../../src/db/taxonomy.ts';
import type { Embedder } from '../../../src/models/embedder.ts';
import { analyze, countWords } from '../../../src/retrieval/analyze.ts';

/** A migrated embedded database of its own; `close` removes it. */
export async function openCorpus(): Promise<{ db: Knex; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'retrieval-'));
  const database = await openDatabase(readConfig({ DATA_DIR: folder }), (error) => {
    throw error;
  });
  await migrate(database.db, { alone: true });
  return {
    db: database.db,
    close: async () => {
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface TestDocument {
  text: string;
  title?: string;
  path?: string[];
  metadata?: Record<string, unknown>;
  /** Stored but not yet published: neither live nor in the inverted index. */
  live?: boolean;
}

/** Writes one-chunk documents as a finished ingestion leaves them; returns ids and seqs in order. */
export async function addDocuments(
  db: Knex,
  documents: readonly TestDocument[],
  embedder?: Embedder,
): Promise<{ id: string; seq: number }[]> {
  const added: { id: string; seq: number }[] = [];
  for (const document of documents) added.push(await addDocument(db, document, embedder));
  return added;
}

async function addDocument(db: Knex, document: TestDocument, embedder: Embedder | undefined) {
  const { text, title = null, path = [], metadata = {}, live = true } = document;
  const id = randomUUID();
  await db('documents').insert({
    id,
    title,
    metadata,
    version: 1,
    live_version: live ? 1 : null,
  });
  await db('document_versions').insert({
    ...{
      document_id: id,
      version: 1,
      status: live ? 'ready' : 'embedding',
      content_hash: id,
      bytes: text.length,
      text,
    },
    ...{ content_type: 'text/plain', attributes: {} },
  });
  const place = await db.transaction(async (trx) => (await ensurePaths(trx, [path], true)).get(path));
  if (place) await db.transaction((trx) => setGiven(trx, id, place.id));
  const { words, frequencies, wordCount } = countWords(text);
  const [chunk] = await db('chunks')
    .insert({
      ...{ document_id: id, version: 1, n: 0, start_char: 0, end_char: text.length, text },
      ...{ words, frequencies, word_count: wordCount, live },
    })
    .returning('seq');
  const seq = chunk.seq as number;
  if (live) await publish(db, seq, wordCount);
  if (embedder) {
    const [vector] = await embedder.embed([text], { task: 'passage' });
    await db('chunk_vectors').insert({
      chunk_seq: seq,
      model: embedder.model,
      embedding: `[${vector?.join(',')}]`,
    });
  }
  return { id, seq };
}

async function publish(db: Knex, seq: number, wordCount: number): Promise<void> {
  await db.raw(
    `insert into postings (word, chunk_seq, frequency, word_count)
     select w.word, c.seq, w.frequency, c.word_count
       from chunks c cross join lateral unnest(c.words, c.frequencies) as w(word, frequency) where c.seq = ?`,
    [seq],
  );
  await changeState(db, 1, wordCount);
}

async function changeState(db: Knex, chunks: number, words: number): Promise<void> {
  await db('corpus_state').update({
    version: db.raw('version + 1'),
    live_chunks: db.raw('live_chunks + ?', [chunks]),
    live_words: db.raw('live_words + ?', [words]),
  });
}

const dimensions = 16;

/**
 * A deterministic embedder that reads Latin letters only: vectors are hashed index words; of what it can't read it makes
 * the same constant vector, so that to it all Korean texts are alike and nearest to each other.
 */
export function latinEmbedder(overrides: Partial<Embedder> = {}): Embedder {
  return {
    model: `latin-test@${dimensions}`,
    dimensions,
    maxBatch: 100,
    reads: (text) => {
      const letters = text.match(/\p{L}/gu) ?? [];
      return letters.length === 0
        ? 1
        : letters.filter((l) => /\p{Script=Latin}/u.test(l)).length / letters.length;
    },
    embed: async (texts) => texts.map(hashVector),
    close: async () => undefined,
    ...overrides,
  };
}

function hashVector(text: string): Float32Array {
  const vector = new Float32Array(dimensions).fill(0.01);
  for (const word of analyze(text).words) {
    if (!/^[a-z]/.test(word)) continue;
    let hash = 7;
    for (const char of word) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 9973;
    vector[hash % dimensions] = (vector[hash % dimensions] ?? 0) + 1;
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
