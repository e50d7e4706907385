import type { Db } from './connect.ts';

/** How well search by meaning finds what an exact search finds, as it was measured for one model. Times in milliseconds. */
export interface VectorRecall {
  model: string;
  k: number;
  /** Passages asked with; fewer than wanted in a small corpus. */
  samples: number;
  /** Whether there was an index; without one search is exact and recall 1. */
  indexed: boolean;
  /** Mean share of the k nearest that search finds, 0…1. */
  recall: number;
  search: { p50: number; p95: number };
  exact: { p50: number; p95: number };
  measuredAt: Date;
}

/** Vectors of passages drawn at random, with repetition; none when the model has no vectors. */
export async function sampleVectors(
  db: Db,
  model: string,
  count: number,
): Promise<{ seq: number; vector: Float32Array }[]> {
  const { rows } = await db.raw(
    `with ends as materialized (
       select (select min(chunk_seq) from chunk_vectors where model = :model) as first,
              (select max(chunk_seq) from chunk_vectors where model = :model) as last),
     places as materialized (select floor(random() * (last - first + 1))::bigint + first as place from ends, generate_series(1, :count))
     select v.seq, v.vector from places
      cross join lateral (select chunk_seq as seq, embedding::text as vector from chunk_vectors
                           where model = :model and chunk_seq >= place order by chunk_seq limit 1) as v`,
    { model, count },
  );
  return rows.map(({ seq, vector }: { seq: number; vector: string }) => ({
    seq,
    vector: Float32Array.from(JSON.parse(vector)),
  }));
}

export async function saveVectorRecall(db: Db, measured: VectorRecall): Promise<void> {
  const { model, k, samples, indexed, recall, search, exact, measuredAt } = measured;
  await db('vector_recall')
    .insert({
      ...{ model, k, samples, indexed, recall, measured_at: measuredAt },
      ...{ search_p50_ms: search.p50, search_p95_ms: search.p95 },
      ...{ exact_p50_ms: exact.p50, exact_p95_ms: exact.p95 },
    })
    .onConflict('model')
    .merge();
}

/** The last measurement of each model that still has vectors. */
export async function readVectorRecall(db: Db): Promise<{ model: string; recall: number }[]> {
  const { rows } = await db.raw(
    `select r.model, r.recall from vector_recall r
      where exists (select from chunk_vectors v where v.model = r.model) order by r.model`,
  );
  return rows;
}
