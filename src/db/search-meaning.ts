import type { Filters } from '../retrieval/passage.ts';
import type { Db } from './connect.ts';
import { arrayOf, type ScoredChunk, visibleChunks } from './search.ts';
import { findScope, inScope, isVisible, type Scope } from './search-scope.ts';
import { hasVectorIndex } from './vector-index.ts';

/** A question's vector and the model that made it: only vectors of the same model are compared. */
export interface QueryVector {
  model: string;
  vector: Float32Array;
}

export interface MeaningSearch {
  limit: number;
  /** Counts where `scope` is not given. */
  filters?: Filters | undefined;
  /** What the filters leave, if it is known already. */
  scope?: Scope;
  /** Whether the model has an index, if it is known already. */
  indexed?: boolean;
  /** Looks at every vector, whatever index there is: what the index is measured against. */
  exact?: boolean;
}

/**
 * The `limit` nearest live chunks by cosine similarity (−1…1), best first, ties by seq; fewer only where there are no more.
 * A rule decides how, not the planner: exact where the filters leave few chunks or the model has no index, otherwise through
 * the index, which goes on until it has enough that pass. Where it gives up before that, exact after all.
 */
export async function searchMeaning(
  db: Db,
  query: QueryVector,
  { limit, filters, scope: known, indexed: has, exact = false }: MeaningSearch,
): Promise<ScoredChunk[]> {
  const [scope, indexed] = await Promise.all([
    known ?? findScope(db, filters),
    exact ? false : (has ?? hasVectorIndex(db, query.model, query.vector.length)),
  ]);
  if (scope.kind === 'few') {
    return byScore(await scoreMeaning(db, query, scope.seqs)).slice(0, limit);
  }
  if (indexed) {
    const found = await searchIndex(db, query, limit, scope);
    if (found.length === limit) return found;
  }
  return searchAll(db, query, limit, scope);
}

/** Cosine similarities of given chunks that are live; one without a vector of the model is missing. */
export async function scoreMeaning(
  db: Db,
  query: QueryVector,
  seqs: readonly number[],
): Promise<ScoredChunk[]> {
  if (seqs.length === 0) return [];
  const { rows } = await db.raw(
    `select v.chunk_seq as seq, 1 - (${distance(query)}) as score from chunk_vectors v
      where v.model = :model and v.chunk_seq = any(:seqs::bigint[])`,
    { ...parameters(query), seqs: arrayOf(seqs) },
  );
  return rows;
}

/**
 * Through the HNSW index, whose halves are for finding; scores and order are of the vectors themselves, and as halves order near
 * ones differently, some more are found than asked for. The condition is a scalar subquery on purpose: a join is something that
 * the planner could begin with. Every connection has set how the index is read (src/db/session.ts): on and on until enough rows
 * pass, in relaxed order.
 */
async function searchIndex(db: Db, query: QueryVector, limit: number, scope: Scope) {
  const visible = scope.kind === 'all' ? isVisible(undefined, 'v.chunk_seq') : inScope(scope, 'v.chunk_seq');
  const half = `halfvec(${query.vector.length})`;
  const { rows } = await db.raw(
    `with nearest as materialized (
       select v.chunk_seq as seq, v.embedding from chunk_vectors v
        where v.model = :model and ${visible.sql} order by v.embedding::${half} <=> :asked::${half} limit :window)
     select v.seq, 1 - (${distance(query)}) as score from nearest v order by score desc, seq limit :limit`,
    { ...parameters(query), ...visible.bindings, limit, window: limit + spare },
  );
  return rows as ScoredChunk[];
}

/**
 * Every vector of the model. Without filters nearly all are
 * live: to look up the few that come first costs less than to join them all.
 */
async function searchAll(db: Db, query: QueryVector, limit: number, scope: Scope): Promise<ScoredChunk[]> {
  if (scope.kind !== 'many') {
    const found = await nearest(db, query, limit, {
      within: 'true',
      after: isVisible(undefined, 'nearest.seq').sql,
    });
    if (found.length === limit) return found;
  }
  const visible = visibleChunks(scope.kind === 'many' ? scope.filters : undefined);
  const within = `v.chunk_seq in (${visible.sql})`;
  return nearest(db, query, limit, { within, after: 'true', bindings: visible.bindings });
}

/** Vectors looked up beyond the limit: for those whose chunks are not live, and those that halves put behind worse ones. */
const spare = 50;

interface Conditions {
  within: string;
  after: string;
  bindings?: Record<string, unknown>;
}

async function nearest(db: Db, query: QueryVector, limit: number, { within, after, bindings }: Conditions) {
  const { rows } = await db.raw(
    `select seq, 1 - distance as score
       from (select v.chunk_seq as seq, ${distance(query)} as distance from chunk_vectors v
              where v.model = :model and ${within} order by distance, seq limit :window) as nearest
      where ${after} limit :limit`,
    { ...parameters(query), ...bindings, limit, window: limit + spare },
  );
  return rows as ScoredChunk[];
}

/** The column holds vectors of several lengths. */
export function distance({ vector }: QueryVector): string {
  const type = `vector(${vector.length})`;
  return `v.embedding::${type} <=> :asked::${type}`;
}

export function parameters({ model, vector }: QueryVector): Record<string, unknown> {
  const asked = written.get(vector) ?? `[${vector.join(',')}]`;
  written.set(vector, asked);
  return { model, asked };
}

/** A search asks several times with the same vector, which takes its time to write out. */
const written = new WeakMap<Float32Array, string>();

function byScore(chunks: ScoredChunk[]): ScoredChunk[] {
  return chunks.sort((a, b) => b.score - a.score || a.seq - b.seq);
}
