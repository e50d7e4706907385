import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { countWords } from '../src/retrieval/analyze.ts';
import type { Synthetic, SyntheticChunk } from './synthetic.ts';

export const syntheticModel = 'synthetic@384';
const chunksPerDocument = 5;
const documentsPerPage = 100;

/**
 * Writes so many chunks as finished ingestion would leave them, five a document, with `metadata {tenth: 0…9, hundredth:
 * 0…99}` to filter by, and the words, postings and sums that follow. Calls `onChunk` for each.
 */
export async function loadSynthetic(
  db: Knex,
  synthetic: Synthetic,
  count: number,
  onChunk: (chunk: SyntheticChunk) => void,
): Promise<void> {
  const page = chunksPerDocument * documentsPerPage;
  for (let done = 0; done < count; done += page) {
    const chunks = Array.from({ length: Math.min(page, count - done) }, () => {
      const chunk = synthetic.chunk();
      onChunk(chunk);
      return { ...chunk, ...countWords(chunk.text) };
    });
    await db.transaction((trx) => writePage(trx, chunks, done / chunksPerDocument));
  }
  await db.transaction(postWords);
}

/**
 * Postings of all chunks at once, into a table without indexes, which are made again afterwards; without triggers, whose counts
 * of common words follow in one statement. Ingestion posts a document at a time.
 */
async function postWords(trx: Knex.Transaction): Promise<void> {
  const { rows: indexes } = await trx.raw(
    `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as index, c.conname as constraint,
            pg_get_constraintdef(c.oid) as definition
       from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.contype = 'p'
      where i.indrelid = 'postings'::regclass`,
  );
  for (const { name, constraint } of indexes)
    await trx.raw(constraint ? `alter table postings drop constraint ${constraint}` : `drop index ${name}`);
  await trx.raw('set local session_replication_role = replica');
  await trx.raw(`insert into postings (word, chunk_seq, frequency, word_count)
    select w.word, c.seq, w.frequency, c.word_count
      from chunks c cross join lateral unnest(c.words, c.frequencies) as w(word, frequency)`);
  await trx.raw('set local max_parallel_maintenance_workers = 0');
  await trx.raw(`set local maintenance_work_mem = '512MB'`);
  for (const { constraint, definition, index } of indexes)
    await trx.raw(constraint ? `alter table postings add constraint ${constraint} ${definition}` : index);
  await trx.raw(`insert into posting_counts (word, impact, postings)
    select word, impact, count(*) from postings
     where word in (select word from postings group by word having count(*) > 256) group by word, impact`);
  await trx.raw(`update corpus_state set version = version + 1,
    live_chunks = (select count(*) from chunks), live_words = (select sum(word_count) from chunks)`);
}

type Counted = SyntheticChunk & ReturnType<typeof countWords>;

async function writePage(trx: Knex.Transaction, chunks: Counted[], first: number): Promise<void> {
  const ids = Array.from({ length: Math.ceil(chunks.length / chunksPerDocument) }, () => randomUUID());
  await trx.raw(
    `with d as (
       insert into documents (id, version, live_version, metadata)
       select id, 1, 1, jsonb_build_object('tenth', n % 10, 'hundredth', n % 100)
         from unnest(?::uuid[], ?::int[]) as u(id, n) returning id)
     insert into document_versions (document_id, version, status, content_hash, content_type, attributes, bytes)
     select id, 1, 'ready', id::text, 'text/plain', '{}', 0 from d`,
    [ids, ids.map((_, i) => first + i)],
  );
  const rows = chunks.map((chunk, i) => ({
    document: ids[Math.floor(i / chunksPerDocument)],
    n: i % chunksPerDocument,
    ...chunk,
    vector: `[${chunk.vector.join(',')}]`,
  }));
  await trx.raw(
    `with r as (select * from jsonb_to_recordset(?::jsonb)
                  as r(document uuid, n int, text text, words text[], frequencies smallint[], "wordCount" int, vector text)),
          c as (insert into chunks (document_id, version, n, start_char, end_char, text, words, frequencies, word_count, live)
                select document, 1, n, 0, length(text), text, words, frequencies, "wordCount", true from r
                returning seq, document_id, n)
     insert into chunk_vectors (chunk_seq, model, embedding)
     select c.seq, ?, r.vector::vector from c join r on r.document = c.document_id and r.n = c.n`,
    [JSON.stringify(rows), syntheticModel],
  );
}
