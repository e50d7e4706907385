import type { Knex } from 'knex';
import type { AnswerResult } from '../answer-result.ts';
import { fingerprint } from '../fingerprint.ts';
import type { Db } from './connect.ts';

export interface RecordedPassage {
  chunk_id: string;
  /** All chunks of the passage, in their order. */
  chunk_ids: string[];
  document_id: string;
  version: number;
  /** SHA-256 of its text; null once its document was deleted. */
  text_hash: string | null;
  score: number;
  keyword_score: number | null;
  vector_score: number | null;
  rerank_score: number | null;
  deleted?: true;
}

/** What a language model wrote in one call, with personal data masked. */
export interface RawOutput {
  model: string;
  text: string;
  finish_reason: string;
  input_tokens: number;
  output_tokens: number;
}

/** What an answer was made of. */
export interface AnswerRecord {
  corpus_version: number;
  taxonomy_version: string;
  generation_id: string | null;
  embedding_model: string | null;
  analyzer_version: number;
  policy_version: number | null;
  /** Of the prompt's template, whether a model was asked or not. */
  prompt_version: string;
  /** Of system text and prompt as they were last sent; null when no model was asked. */
  prompt_hash: string | null;
  service_version: string;
  /** The strategy that was used, whatever was asked for. */
  strategy: string;
  /** What every random string of the answer was derived from. Never shown: a replay uses it again. */
  seed: string;
  settings: Record<string, unknown>;
  /** Best first. */
  passages: RecordedPassage[];
  /** The answer that this one was a copy of, where it came from the cache. */
  cached_from: string | null;
}

export interface NewRecord extends AnswerRecord {
  raw: RawOutput[];
  /** How long the raw output is kept; 0: it is not. */
  rawHours: number;
}

export interface RecordRow extends AnswerRecord {
  answer_id: string;
  /** Fingerprint of the result as it was stored; null once a document that it cites was deleted. */
  result_hash: string | null;
  raw: RawOutput[] | null;
  raw_until: Date | null;
  document_ids: string[];
  created_at: Date;
}

/** Documents that passages of a record are of, and that are there for all that is known. */
export const documentsOf = ({ passages }: Pick<AnswerRecord, 'passages'>): string[] => [
  ...new Set(passages.flatMap(({ document_id, deleted }) => (deleted ? [] : [document_id]))),
];

/**
 * The record as it may be stored now, holding the documents: one that is deleted meanwhile waits until the record is there
 * to be found. To be called before anything else of the answer is held, so that all who hold documents do so in one order.
 */
export async function holdRetrieved(trx: Knex.Transaction, record: NewRecord): Promise<NewRecord> {
  const ids = documentsOf(record).sort();
  if (ids.length === 0) return record;
  const { rows } = await trx.raw(
    'select id from documents where id = any(?::uuid[]) and deleted_at is null order by id for share',
    [ids],
  );
  const there = new Set(rows.map(({ id }: { id: string }) => id));
  const gone = ids.filter((id) => !there.has(id));
  return gone.length === 0
    ? record
    : { ...record, passages: withoutHashes(record.passages, gone), prompt_hash: null, raw: [] };
}

/**
 * SQL of an insert of the record of the answer `ended`, which gives its id; of none without a record. Bindings: those of
 * `recordBindings`.
 */
export const insertRecord = (ended: string): string =>
  `insert into answer_records (answer_id, corpus_version, taxonomy_version, generation_id, embedding_model, analyzer_version,
          policy_version, prompt_version, prompt_hash, service_version, strategy, seed, settings, passages, document_ids,
          result_hash, raw, raw_until, cached_from)
   select d.id, r.corpus_version, r.taxonomy_version, r.generation_id, r.embedding_model, r.analyzer_version,
          r.policy_version, r.prompt_version, r.prompt_hash, r.service_version, r.strategy, r.seed, r.settings, r.passages,
          r.document_ids, r.result_hash, r.raw, now() + r.raw_hours * interval '1 hour', r.cached_from
     from ${ended} d cross join json_to_record(:record::json) as r(
          corpus_version bigint, taxonomy_version text, generation_id uuid, embedding_model text, analyzer_version integer,
          policy_version integer, prompt_version text, prompt_hash text, service_version text, strategy text, seed text,
          settings jsonb, passages jsonb, document_ids uuid[], result_hash text, raw jsonb, raw_hours float8, cached_from uuid)
    where r.seed is not null`;

/** `result` is the answer's as it is stored. */
export function recordBindings(record: NewRecord | null, result: Record<string, unknown>) {
  if (!record) return { record: '{}' };
  const { raw, rawHours, ...others } = record;
  const kept = raw.length > 0 && rawHours > 0 ? { raw, raw_hours: rawHours } : {};
  const document_ids = documentsOf(record);
  return { record: JSON.stringify({ ...others, document_ids, result_hash: fingerprint(result), ...kept }) };
}

export async function findRecord(db: Db, answerId: string): Promise<RecordRow | undefined> {
  return db('answer_records').where({ answer_id: answerId }).first();
}

/** Rows that still hold something of one of the documents. */
export async function countRecords(db: Db, documentIds: readonly string[]): Promise<number> {
  const { rows } = await db.raw(
    'select count(*)::int as n from answer_records where document_ids && ?::uuid[]',
    [[...documentIds]],
  );
  return rows[0].n;
}

/**
 * Takes what records have of the documents, of `limit` at a time: hashes of their texts, of prompts that held them and of
 * results that cite them, and what a model wrote that had read them. Returns how many records there were.
 */
export async function scrubRecords(
  trx: Knex.Transaction,
  documentIds: readonly string[],
  limit: number,
): Promise<number> {
  const gone = [...documentIds];
  const { rows } = await trx.raw(
    `select r.answer_id, r.passages, r.document_ids, a.result->'sources' as sources
       from answer_records r join answers a on a.id = r.answer_id
      where r.document_ids && ?::uuid[] order by r.answer_id limit ? for update of r`,
    [gone, limit],
  );
  for (const { answer_id, passages, document_ids, sources } of rows) {
    const cited = ((sources ?? []) as AnswerResult['sources']).some(
      ({ document_id }) => document_id !== null && gone.includes(document_id),
    );
    await trx('answer_records')
      .where({ answer_id })
      .update({
        passages: JSON.stringify(withoutHashes(passages, gone)),
        document_ids: document_ids.filter((id: string) => !gone.includes(id)),
        prompt_hash: null,
        raw: null,
        raw_until: null,
        ...(cited ? { result_hash: null } : {}),
      });
  }
  return rows.length;
}

function withoutHashes(passages: RecordedPassage[], gone: readonly string[]): RecordedPassage[] {
  return passages.map((passage) =>
    gone.includes(passage.document_id) ? { ...passage, text_hash: null, deleted: true } : passage,
  );
}

/** Removes raw outputs whose time has passed. Returns how many. */
export async function sweepRawOutputs(db: Db): Promise<number> {
  return db('answer_records')
    .whereNotNull('raw')
    .where('raw_until', '<', db.fn.now())
    .update({ raw: null, raw_until: null });
}
