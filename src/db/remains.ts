import type { Knex } from 'knex';
import { blankDrafts, countDrafts } from './answer-events.ts';
import { countRecords } from './answer-records.ts';
import { countCiting } from './answer-sources.ts';
import { countCasesCiting, dropCasesCiting } from './cases.ts';
import type { Db } from './connect.ts';

/** Rows that hold something of documents, by what they are. */
export type Remains = Record<
  | 'documents'
  | 'versions'
  | 'chunks'
  | 'vectors'
  | 'postings'
  | 'blobs'
  | 'places'
  | 'texts'
  | 'items'
  | 'replies'
  | 'answers'
  | 'drafts'
  | 'records'
  | 'cases',
  number
>;

/** A reply that is kept for its Idempotency-Key and shows the document. */
const replyOf = (ids: string) =>
  `response->'body'->>'id' = any(${ids}::text[]) and response->'body'->>'status' <> 'deleted'`;

/** A batch's item that still says what the document was called or what was wrong with it. */
const namedItem = (ids: string) =>
  `document_id = any(${ids}::uuid[]) and (external_id is not null or error is not null)`;

/** Counts by looking into every table that can hold something of the documents; `seqs` are the chunks that they had. */
export async function countRemains(
  db: Db,
  ids: readonly string[],
  seqs: readonly number[],
): Promise<Remains> {
  const { rows } = await db.raw(
    `select (select count(*)::int from documents where id = any(:ids::uuid[])) as documents,
            (select count(*)::int from document_versions where document_id = any(:ids::uuid[])) as versions,
            (select count(*)::int from chunks where document_id = any(:ids::uuid[]) or seq = any(:seqs::bigint[])) as chunks,
            (select count(*)::int from chunk_vectors where chunk_seq = any(:seqs::bigint[]))
              + (select count(*)::int from kept_vectors where document_id = any(:ids::uuid[])) as vectors,
            (select count(*)::int from document_nodes where document_id = any(:ids::uuid[]))
              + (select count(*)::int from documents_at_several where document_id = any(:ids::uuid[]))
              + (select count(*)::int from taxonomy_allotments where document_id = any(:ids::uuid[]))
              + (select count(*)::int from classifications where document_id = any(:ids::uuid[]))
              + (select count(*)::int from classify_waiting where document_id = any(:ids::uuid[]))
              + (select count(*)::int from classify_examples where document_id = any(:ids::uuid[]))
              + (select count(*)::int from review_tasks where document_id = any(:ids::uuid[])) as places,
            (select count(*)::int from postings where chunk_seq = any(:seqs::bigint[])) as postings,
            (select count(distinct (document_id, version))::int from blob_parts where document_id = any(:ids::uuid[])) as blobs,
            (select count(*)::int from text_parts where document_id = any(:ids::uuid[])) as texts,
            (select count(*)::int from ingestion_items where ${namedItem(':ids')}) as items,
            (select count(*)::int from idempotency_keys where ${replyOf(':ids')}) as replies`,
    { ids: [...ids], seqs: [...seqs] },
  );
  return {
    ...rows[0],
    answers: await countCiting(db, ids),
    drafts: await countDrafts(db, ids),
    records: await countRecords(db, ids),
    cases: await countCasesCiting(db, ids),
  };
}

export async function chunksOf(db: Db, ids: readonly string[]): Promise<number[]> {
  return db('chunks')
    .whereIn('document_id', [...ids])
    .orderBy('seq')
    .pluck('seq');
}

/**
 * Removes the documents and what follows them. What counts something else stays without its content: items of a batch keep
 * their number and document id, a kept reply becomes that of a deleted document.
 */
export async function removeDocuments(trx: Knex.Transaction, ids: readonly string[]): Promise<void> {
  await trx.raw(`update ingestion_items set external_id = null, error = null where ${namedItem('?')}`, [
    [...ids],
  ]);
  await trx.raw(
    `update idempotency_keys set response = jsonb_set(response, '{body}', response->'body' || ?::jsonb) where ${replyOf('?')}`,
    [JSON.stringify(emptied), [...ids]],
  );
  await blankDrafts(trx, ids);
  await dropCasesCiting(trx, ids);
  await trx('documents')
    .whereIn('id', [...ids])
    .delete();
}

/** What a document shows of itself once it is deleted. */
const emptied = {
  ...{ external_id: null, title: null, source_url: null, author: null, language: null },
  ...{ taxonomy_path: [], metadata: {}, error: null },
  ...{ status: 'deleted', is_terminal: true, stage: null, poll_after_ms: null },
};

/** Cached results that can't be served any more: hiding a document made every entry of before one. Returns how many went. */
export async function clearStaleCache(trx: Knex.Transaction): Promise<number> {
  const { rowCount } = await trx.raw(
    'delete from query_cache where corpus_version < (select version from corpus_state)',
  );
  return rowCount ?? 0;
}

/** Cached results that show one of the documents. */
export async function countCached(db: Db, ids: readonly string[]): Promise<number> {
  const { rows } = await db.raw(
    `select count(*)::int as n from query_cache q
      where corpus_version is not null
        and exists (select from unnest(?::text[]) as gone(id) where position(gone.id in q.value::text) > 0)`,
    [[...ids]],
  );
  return rows[0].n;
}
