import type { Knex } from 'knex';
import { type CaseMatch, confirming, type NewCase, refuting } from '../cases.ts';
import type { Filters } from '../retrieval/passage.ts';
import type { Db } from './connect.ts';
import type { QueryVector } from './search-meaning.ts';
import { isVisible } from './search-scope.ts';

/**
 * Keeps a case, in the transaction that confirms it. One of the same answer is confirmed anew, and found again where it was
 * archived. Nothing is kept where a document that it cites is being deleted.
 */
export async function keepCase(trx: Db, { sources, ...one }: NewCase): Promise<void> {
  const cited = [...new Set(sources.map(({ documentId }) => documentId))].sort();
  const { rows } = await trx.raw(
    `with held as (select id from documents where id = any(:cited::uuid[]) and deleted_at is null order by id for key share)
     insert into cases (answer_id, api_key_id, question, answer, language, confidence, confirmed_by)
     select :answerId, :apiKeyId, :question, :answer, :language, :confidence, :confirmedBy
      where (select count(*) from held) = :count
     on conflict (answer_id) do update set confirmed_by = excluded.confirmed_by, status = 'active', archived_because = null,
           archived_at = null, merged_into = null, last_used_at = now()
       where excluded.confirmed_by = 'feedback'
     returning id`,
    { ...one, cited, count: cited.length },
  );
  if (!rows[0]) return;
  const rowsOfSources = sources.map(({ n, documentId, chunkId, quote }) => ({
    ...{ case_id: rows[0].id, n, quote },
    ...{ document_id: documentId, chunk_id: chunkId },
  }));
  await trx('case_sources').insert(rowsOfSources).onConflict(['case_id', 'n']).ignore();
}

/** Notes that cases helped with an answer, in the transaction that completes it. */
export async function useCases(trx: Db, answerId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await trx.raw(
    `with used as (update cases set last_used_at = now() where id = any(:ids::uuid[]) returning id)
     insert into case_uses (case_id, answer_id) select id, :answerId from used on conflict do nothing`,
    { ids: [...ids], answerId },
  );
}

/**
 * What a rating says of cases, in its transaction: of those that helped with the answer, and of its own, which a bad one
 * archives. `fresh` is the case that a good one confirms; null while nobody wants any.
 */
export async function rateCases(
  trx: Db,
  { answerId, rating }: { answerId: string; rating: number },
  fresh: NewCase | null,
): Promise<void> {
  await trx('case_uses').where({ answer_id: answerId }).update({ rating });
  if (rating <= refuting) await archiveCases(trx, 'failed', 'answer_id = :answerId', { answerId });
  if (fresh && rating >= confirming) await keepCase(trx, fresh);
}

/** Nothing of the answer's question stays. */
export async function dropCaseOf(trx: Db, answerId: string): Promise<void> {
  await trx('cases').where({ answer_id: answerId }).delete();
  await trx('case_uses').where({ answer_id: answerId }).delete();
}

const citing = 'id in (select case_id from case_sources where document_id = any(?::uuid[]))';

export async function dropCasesCiting(trx: Knex.Transaction, documentIds: readonly string[]): Promise<void> {
  await trx('cases')
    .whereRaw(citing, [[...documentIds]])
    .delete();
}

export async function countCasesCiting(db: Db, documentIds: readonly string[]): Promise<number> {
  const { rows } = await db.raw(`select count(*)::int as n from cases where ${citing}`, [[...documentIds]]);
  return rows[0].n;
}

export const archiveReasons = ['failed', 'unused', 'merged', 'stale', 'crowded', 'by_hand'] as const;
export type ArchiveReason = (typeof archiveReasons)[number];

/** Archives what is active and fits `where`, a condition on `c`; `mergedInto` is SQL. Returns how many. */
export async function archiveCases(
  db: Db,
  reason: ArchiveReason,
  where: string,
  bindings: Record<string, unknown> = {},
): Promise<number> {
  const { rows } = await db.raw(
    `update cases c set status = 'archived', archived_because = :reason, archived_at = now()
      where c.status = 'active' and ${where} returning c.id`,
    { ...bindings, reason },
  );
  return rows.length;
}

/** What cases are looked up by. */
export interface CaseQuestion {
  /** Whose cases. */
  apiKeyId: string | null;
  /** Index words of the question with their idf. */
  words: { word: string; idf: number }[];
  /** null where the model can't read the question, or can't be reached. */
  query: QueryVector | null;
  filters: Filters;
  limit: number;
  /** Least likeness, 0…1. */
  least: number;
}

/** Nearest by either likeness, of which the sum is then made. */
const perLeg = 20;
const [meaningShare, wordShare] = [0.7, 0.3];

/**
 * The cases of the key whose questions are most like this one, best first. A case counts only where the filters and the key's
 * restrictions let through everything that it cites: neither its words nor its sources cross a scope.
 * Likeness of words is Dice's coefficient over idf: 2·Σ shared / (Σ asked + Σ the case's).
 */
export async function findCases(
  db: Db,
  { apiKeyId, words, query, filters, limit, least }: CaseQuestion,
): Promise<CaseMatch[]> {
  const visible = isVisible(filters, 'k.seq');
  const meaning = query
    ? `case when c.model = :model then 1 - (c.embedding::vector(${query.vector.length}) <=> :asked::vector(${query.vector.length})) end`
    : 'null::float8';
  const [ofMeaning, ofWords] = query ? [meaningShare, wordShare] : [0, 1];
  const { rows } = await db.raw(
    `with mine as materialized (
       select c.*, ${meaning} as meaning,
              case when total.idf > 0 then 2 * shared.idf / total.idf else 0 end as likeness
         from cases c
        cross join lateral (select coalesce(sum(a.idf), 0) as idf from unnest(:words::text[], :idf::float8[]) as a(word, idf)
                             where a.word = any(c.words)) as shared
        cross join lateral (select :sum + coalesce(sum(w), 0) as idf from unnest(c.weights) as w) as total
        where c.status = 'active' and c.words is not null and c.api_key_id is not distinct from :apiKeyId::uuid),
     near as (
       (select * from mine order by meaning desc nulls last, id limit ${perLeg})
       union (select * from mine where likeness > 0 order by likeness desc, id limit ${perLeg})),
     found as (
       select id, answer_id, question, answer, confirmed_by,
              ${ofMeaning} * greatest(0, coalesce(meaning, 0)) + ${ofWords} * likeness as score from near)
     select f.id, f.answer_id as "answerId", f.question, f.answer, f.confirmed_by as "confirmedBy", f.score::float8, s.seqs
       from found f
      cross join lateral (
        select json_agg(k.seq order by x.n) as seqs, bool_and(k.seq is not null and ${visible.sql}) as shown
          from case_sources x left join chunks k on k.id = x.chunk_id and k.live where x.case_id = f.id) as s
      where f.score >= :least and s.shown order by f.score desc, f.id limit :limit`,
    {
      ...visible.bindings,
      ...{ apiKeyId, limit, least },
      ...(query && { model: query.model, asked: `[${query.vector.join(',')}]` }),
      words: words.map(({ word }) => word),
      idf: words.map(({ idf }) => idf),
      sum: words.reduce((sum, { idf }) => sum + idf, 0),
    },
  );
  return rows;
}
