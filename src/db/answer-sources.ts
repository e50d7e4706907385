import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import type { AnswerResult } from '../answer-result.ts';
import { withoutDocuments } from '../answer-without.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';

type Result = Record<string, unknown>;

/** Documents that a result cites and that it does not know to be deleted, in order. */
export function citedIds(result: Result): string[] {
  const { sources = [] } = result as Partial<AnswerResult>;
  const ids = sources.flatMap(({ document_id, deleted }) => (deleted || !document_id ? [] : [document_id]));
  return [...new Set(ids)].sort();
}

/**
 * The result without what it has of documents that are deleted, or hidden to be deleted, at this moment, or that its reader
 * may not see (any more): whoever asked, this decides by who reads.
 */
export async function hideUnseen(db: Db, result: Result, access: Access | undefined): Promise<Result> {
  const ids = citedIds(result);
  if (ids.length === 0) return result;
  const { document, version, bindings } = maySee(access);
  const { sources = [] } = result as Partial<AnswerResult>;
  const { rows } = await db.raw(
    `select d.id from documents d
      where d.id = any(:ids::uuid[]) and d.deleted_at is null and ${document} and not exists (
        select from unnest(:cited::uuid[], :versions::int[]) as s(id, version)
          join document_versions v on v.document_id = s.id and v.version = s.version
         where s.id = d.id and not ${version})`,
    {
      ...{ ...bindings, ids, cited: sources.map((source) => source.document_id) },
      versions: sources.map((source) => source.version),
    },
  );
  const there = new Set(rows.map(({ id }: { id: string }) => id));
  return withoutDocuments(result, (id) => !there.has(id));
}

/** Whether a document is there for this key, with its newest version. */
export async function isSeen(db: Db, documentId: string, access: Access | undefined): Promise<boolean> {
  const { whole, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select from documents d where d.id = :documentId and d.deleted_at is null and ${whole}`,
    { ...bindings, documentId },
  );
  return rows.length > 0;
}

/** The same for many; what has no result stays so. Where nothing but deletes can hide, in one statement. */
export async function hideUnseenInAll(
  db: Db,
  results: readonly (Result | null)[],
  access: Access | undefined,
): Promise<(Result | null)[]> {
  if (access) return Promise.all(results.map((result) => result && hideUnseen(db, result, access)));
  const ids = [...new Set(results.flatMap((result) => (result ? citedIds(result) : [])))];
  if (ids.length === 0) return [...results];
  const there = new Set(await db('documents').whereIn('id', ids).whereNull('deleted_at').pluck('id'));
  return results.map((result) => result && withoutDocuments(result, (id) => !there.has(id)));
}

/**
 * The same for a result that is about to be stored, holding the documents: one that is deleted meanwhile waits until the
 * answer is there to be found, one that was deleted before leaves nothing in it.
 */
export async function hideDeletedHolding(trx: Knex.Transaction, result: Result): Promise<Result> {
  const ids = citedIds(result);
  if (ids.length === 0) return result;
  const { rows } = await trx.raw(
    'select id from documents where id = any(?::uuid[]) and deleted_at is null order by id for share',
    [ids],
  );
  const there = new Set(rows.map(({ id }: { id: string }) => id));
  return withoutDocuments(result, (id) => !there.has(id));
}

/** Rows of `table` that still cite one of the documents; `at` is the expression of the result's `sources`. */
function citing(table: 'answers' | 'idempotency_keys', at: string): string {
  return `unnest(:ids::uuid[]) as gone(id) join lateral (
    select t.ctid from ${table} t
     where ${at} @> jsonb_build_array(jsonb_build_object('document_id', gone.id))
       and exists (select from jsonb_array_elements(${at}) s
                    where s->>'document_id' = gone.id::text and s->'deleted' is distinct from 'true'::jsonb)) as found on true`;
}

const sourcesOf = {
  answers: `(t.result->'sources')`,
  idempotency_keys: `(t.response->'body'->'sources')`,
};

export async function countCiting(db: Db, documentIds: readonly string[]): Promise<number> {
  const { rows } = await db.raw(
    `select (select count(*)::int from ${citing('answers', sourcesOf.answers)})
          + (select count(*)::int from ${citing('idempotency_keys', sourcesOf.idempotency_keys)}) as n`,
    { ids: [...documentIds] },
  );
  return rows[0].n;
}

/** Takes what stored answers, and replies that are kept for their key, have of the documents, of `limit` at a time. Returns how many. */
export async function scrubCiting(
  trx: Knex.Transaction,
  documentIds: readonly string[],
  limit: number,
): Promise<number> {
  const ids = [...documentIds];
  const gone = (id: string) => ids.includes(id);
  const answers = await trx.raw(
    `select id, result from answers where ctid in (select ctid from ${citing('answers', sourcesOf.answers)}) order by id limit :limit for update`,
    { ids, limit },
  );
  for (const { id, result } of answers.rows)
    await trx('answers')
      .where({ id })
      .update({ result: JSON.stringify(withoutDocuments(result, gone)) });
  const replies = await trx.raw(
    `select api_key_id, key, response from idempotency_keys
      where ctid in (select ctid from ${citing('idempotency_keys', sourcesOf.idempotency_keys)}) order by 1, 2 limit :limit for update`,
    { ids, limit },
  );
  for (const { api_key_id, key, response } of replies.rows)
    await trx('idempotency_keys')
      .where({ api_key_id, key })
      .update({ response: JSON.stringify({ ...response, body: withoutDocuments(response.body, gone) }) });
  return answers.rows.length + replies.rows.length;
}
