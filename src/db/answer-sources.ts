import type { Knex } from 'knex';
import type { AnswerResult } from '../answer-result.ts';
import { withoutDocuments } from '../answer-without.ts';
import type { Db } from './connect.ts';

type Result = Record<string, unknown>;

function citedIds(result: Result): string[] {
  const { sources = [] } = result as Partial<AnswerResult>;
  return [...new Set(sources.flatMap(({ document_id, deleted }) => (deleted ? [] : [document_id])))].sort();
}

/** The result without what it has of documents that are deleted, or hidden to be deleted, at this moment. */
export async function hideDeleted(db: Db, result: Result): Promise<Result> {
  const ids = citedIds(result);
  if (ids.length === 0) return result;
  const there = await db('documents').whereIn('id', ids).whereNull('deleted_at').pluck('id');
  return withoutDocuments(result, (id) => !there.includes(id));
}

/** The same for many, in one statement; what has no result stays so. */
export async function hideDeletedInAll(
  db: Db,
  results: readonly (Result | null)[],
): Promise<(Result | null)[]> {
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
