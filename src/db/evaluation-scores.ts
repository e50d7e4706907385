import { defaultCollection } from '../access.ts';
import type { Filters, Strategy } from '../retrieval/passage.ts';
import type { Db } from './connect.ts';
import type { JudgedQuery, Judgement } from './evaluations.ts';
import { leaseLost } from './lease.ts';
import { visibleConditions } from './search.ts';

/** How well one strategy answered one question. */
export interface QueryScore {
  n: number;
  strategy: Strategy;
  /** Judged documents that do not exist. */
  missing: number;
  /** Documents with a gain that do. */
  relevant: number;
  corpus_version: number;
  model: string | null;
  ndcg_10: number;
  recall_10: number;
  recall_100: number;
  mrr_10: number;
}

/** The next questions beyond the position `after` that not every strategy was measured on. */
export async function nextQueries(
  db: Db,
  evaluationId: string,
  strategies: number,
  { after, limit }: { after: number; limit: number },
): Promise<(JudgedQuery & { n: number })[]> {
  const { rows } = await db.raw(
    `select q.n, q.query_id as "queryId", q.text, q.judgements from evaluation_queries q
      where q.evaluation_id = :id and q.n > :after and :strategies > (
        select count(*) from evaluation_scores s where s.evaluation_id = q.evaluation_id and s.n = q.n)
      order by q.n limit :limit`,
    { id: evaluationId, strategies, after, limit },
  );
  return rows;
}

/**
 * Gain by document id, of those in the collections; a name that several of them have is that of the document in `default`, if
 * there is one. A judged document that can't be found keeps a name of its own, so that it counts as not found.
 */
export async function resolveJudgements(
  db: Db,
  judgements: readonly Judgement[],
  filters: Pick<Filters, 'collections' | 'access'> = {},
): Promise<{ judged: Map<string, number>; missing: number; relevant: number }> {
  const names = judgements.flatMap(({ external_id }) => external_id ?? []);
  const ids = judgements.flatMap(({ document_id }) => document_id ?? []);
  const { collections, access } = filters;
  const { ofDocument, bindings } = visibleConditions({
    ...(collections && { collections }),
    ...(access && { access }),
  });
  const { rows } = await db.raw(
    `select d.id, d.external_id as name from documents d
      where d.deleted_at is null and d.live_version is not null and ${ofDocument}
        and (d.external_id = any(:names::text[]) or d.id = any(:ids::uuid[]))
      order by d.collection = :home, d.collection desc`,
    { ...bindings, names, ids, home: defaultCollection },
  );
  const byName = new Map<string | null, string>(
    rows.map(({ id, name }: { id: string; name: string | null }) => [name, id]),
  );
  const known = new Set<string>(rows.map(({ id }: { id: string }) => id));
  const judged = new Map<string, number>();
  let missing = 0;
  for (const { external_id, document_id, gain } of judgements) {
    const id = document_id?.toLowerCase() ?? byName.get(external_id ?? null);
    const there = id !== undefined && known.has(id);
    if (!there) missing++;
    judged.set(there ? id : `missing ${external_id ?? document_id}`, gain);
  }
  const relevant = [...judged].filter(([id, gain]) => gain > 0 && known.has(id)).length;
  return { judged, missing, relevant };
}

/** Stores what was measured; again is nothing new. Throws `lease_lost` once the evaluation is another's or was cancelled. */
export async function saveScores(
  db: Db,
  token: string,
  evaluationId: string,
  scores: readonly QueryScore[],
): Promise<void> {
  const { rows } = await db.raw(
    `with mine as (select id from evaluations where id = ? and lease_token = ? and status = 'in_progress' for share),
          stored as (
            insert into evaluation_scores (evaluation_id, n, strategy, missing, relevant, corpus_version, model, ndcg_10, recall_10, recall_100, mrr_10)
            select mine.id, s.n, s.strategy, s.missing, s.relevant, s.corpus_version, s.model, s.ndcg_10, s.recall_10, s.recall_100, s.mrr_10
              from mine, jsonb_to_recordset(?::jsonb) as s(n int, strategy text, missing int, relevant int, corpus_version bigint,
                   model text, ndcg_10 float8, recall_10 float8, recall_100 float8, mrr_10 float8)
            on conflict do nothing)
     select 1 from mine`,
    [evaluationId, token, JSON.stringify(scores)],
  );
  if (rows.length === 0) throw leaseLost();
}

export async function readScores(db: Db, evaluationId: string): Promise<QueryScore[]> {
  return db('evaluation_scores').where({ evaluation_id: evaluationId }).orderBy(['n', 'strategy']);
}
