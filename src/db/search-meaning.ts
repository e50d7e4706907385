import type { Filters } from '../retrieval/passage.ts';
import type { Db } from './connect.ts';
import { type ScoredChunk, visibleChunks } from './search.ts';

/** A question's vector and the model that made it: only vectors of the same model are compared. */
export interface QueryVector {
  model: string;
  vector: Float32Array;
}

export interface MeaningSearch {
  limit: number;
  filters?: Filters | undefined;
}

/** The `limit` nearest live chunks by cosine similarity (−1…1), exact, best first, ties by seq. */
export async function searchMeaning(
  db: Db,
  query: QueryVector,
  search: MeaningSearch,
): Promise<ScoredChunk[]> {
  const visible = visibleChunks(search.filters);
  const { rows } = await db.raw(
    `select seq, 1 - distance as score
       from (select v.chunk_seq as seq, ${distance(query)} as distance from chunk_vectors v
              where v.model = :model and v.chunk_seq in (${visible.sql})
              order by distance, seq limit :limit) as nearest`,
    { ...parameters(query), ...visible.bindings, limit: search.limit },
  );
  return rows;
}

/** Cosine similarities of given chunks; one without a vector of the model is missing. */
export async function scoreMeaning(
  db: Db,
  query: QueryVector,
  seqs: readonly number[],
): Promise<ScoredChunk[]> {
  const { rows } = await db.raw(
    `select v.chunk_seq as seq, 1 - (${distance(query)}) as score from chunk_vectors v
      where v.model = :model and v.chunk_seq = any(:seqs::bigint[])`,
    { ...parameters(query), seqs },
  );
  return rows;
}

/** The column holds vectors of several lengths; an index over one model's is made on this very cast. */
function distance({ vector }: QueryVector): string {
  const type = `vector(${vector.length})`;
  return `v.embedding::${type} <=> :asked::${type}`;
}

function parameters({ model, vector }: QueryVector): Record<string, unknown> {
  return { model, asked: `[${vector.join(',')}]` };
}
