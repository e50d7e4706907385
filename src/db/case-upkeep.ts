import { confirming, refuting } from '../cases.ts';
import { archiveCases } from './cases.ts';
import type { Db } from './connect.ts';

export interface CaseToIndex {
  id: string;
  question: string;
}

/** Active cases without words, or without a vector of the live model; the oldest first. */
export async function casesToIndex(db: Db, model: string | null, limit: number): Promise<CaseToIndex[]> {
  return db('cases')
    .where({ status: 'active' })
    .where((q) => {
      q.whereNull('words');
      if (model !== null) q.orWhereRaw('model is distinct from ?', [model]);
    })
    .orderBy(['created_at', 'id'])
    .limit(limit)
    .select('id', 'question');
}

export interface CaseIndex {
  id: string;
  words: { word: string; idf: number }[];
  /** null where the model can't read the question: then words alone find it. */
  vector: Float32Array | null;
}

/** Doing it again changes nothing; a case that went meanwhile stays away. */
export async function indexCases(db: Db, model: string | null, cases: readonly CaseIndex[]): Promise<void> {
  for (const { id, words, vector } of cases)
    await db('cases')
      .where({ id })
      .update({
        words: words.map(({ word }) => word),
        weights: words.map(({ idf }) => idf),
        model,
        embedding: vector && `[${vector.join(',')}]`,
      });
}

/**
 * Cited chunks that a new version of their document has replaced → those of it that hold the same quote; cases of which
 * something is nowhere to be found any more are archived. Returns how many.
 */
export async function followVersions(db: Db): Promise<number> {
  await db.raw(
    `update case_sources s set chunk_id = now_there.id
       from cases c join case_sources o on o.case_id = c.id
      cross join lateral (
        select k.id from chunks k where k.document_id = o.document_id and k.live and position(o.quote in k.text) > 0
         order by k.n limit 1) as now_there
      where c.status = 'active' and s.case_id = o.case_id and s.n = o.n
        and not exists (select from chunks k where k.id = o.chunk_id and k.live)`,
  );
  return archiveCases(
    db,
    'stale',
    `(not exists (select from case_sources s where s.case_id = c.id)
      or exists (select from case_sources s where s.case_id = c.id
                  and not exists (select from chunks k where k.id = s.chunk_id and k.live)))`,
  );
}

/** Questions this alike are one: by meaning, and by words, so that neither a number nor a negation is overlooked. */
const sameMeaning = 0.95;

/**
 * Of cases of one key with the same words and nearly the same meaning that cite the same chunks, the one that callers confirmed
 * stays, or else the older. Returns how many were merged into another.
 */
export async function mergeCases(db: Db): Promise<number> {
  const { rows } = await db.raw(
    `with pairs as (
       select distinct on (b.id) b.id as loser, a.id as winner
         from cases a join cases b on a.api_key_id is not distinct from b.api_key_id and a.id <> b.id
          and a.status = 'active' and b.status = 'active'
          and a.words @> b.words and b.words @> a.words
          and (a.model is not distinct from b.model)
          and (a.embedding is null and b.embedding is null or 1 - (a.embedding <=> b.embedding) >= ${sameMeaning})
          and (a.confirmed_by = 'feedback', -extract(epoch from a.created_at), a.id::text)
            > (b.confirmed_by = 'feedback', -extract(epoch from b.created_at), b.id::text)
        where array(select chunk_id from case_sources where case_id = a.id order by chunk_id)
            = array(select chunk_id from case_sources where case_id = b.id order by chunk_id)
        order by b.id, a.confirmed_by = 'feedback' desc, a.created_at, a.id)
     update cases c set status = 'archived', archived_because = 'merged', archived_at = now(), merged_into = p.winner
       from pairs p where c.id = p.loser and c.status = 'active' returning c.id`,
  );
  return rows.length;
}

/** Fewest bad ratings of answers that a case helped with before it is given up. */
const fewestFailures = 2;

/** Archives cases that help no more: those whose answers were rated badly more often than well, and those long unused. */
export async function retireCases(db: Db, unusedDays: number): Promise<{ failed: number; unused: number }> {
  const failed = await archiveCases(
    db,
    'failed',
    `(select count(*) filter (where rating <= :refuting) >= ${fewestFailures}
          and count(*) filter (where rating <= :refuting) > count(*) filter (where rating >= :confirming)
        from case_uses u where u.case_id = c.id)`,
    { refuting, confirming },
  );
  const unused = await archiveCases(db, 'unused', `c.last_used_at < now() - :days * interval '1 day'`, {
    days: unusedDays,
  });
  return { failed, unused };
}

/** Archives of each key what is beyond its share, the longest unused first, and removes what was archived long ago. */
export async function boundCases(
  db: Db,
  most: number,
  keptDays: number,
): Promise<{ crowded: number; removed: number }> {
  const crowded = await archiveCases(
    db,
    'crowded',
    `c.id in (select id from (select id, row_number() over (partition by api_key_id order by last_used_at desc, id) as n
                from cases where status = 'active') x where n > :most)`,
    { most },
  );
  const removed = await db('cases')
    .where({ status: 'archived' })
    .whereRaw(`archived_at < now() - ? * interval '1 day'`, [keptDays])
    .delete();
  return { crowded, removed };
}
