import type { Access } from '../access.ts';
import type { Db } from '../db/connect.ts';
import type { Scope } from '../db/search-scope.ts';
import type { Bm25, WordStatistics } from '../db/search-words.ts';
import type { Embedder } from '../models/embedder.ts';

/** One question on its way through a strategy. */
export interface Search {
  db: Db;
  embedder: Embedder;
  signal?: AbortSignal | undefined;
  question: string;
  /** What the filters leave. */
  scope: Scope;
  /** Whether the model's vectors have an index. */
  indexed: boolean;
  /** Passages asked for. */
  k: number;
  /** Chunks that each leg hands to fusion. */
  limit: number;
  statistics: WordStatistics;
  bm25: Bm25;
  /** The supremum of the BM25 score that the question's own words can give; 0 when it has none. */
  greatestScore: number;
  /** How far the embedding model can read the question, 0…1. */
  readable: number;
  /** Of the key that asks. */
  access?: Access | undefined;
  /** By `performance.now()`: when the result is wanted; undefined: whenever. */
  until?: number | undefined;
}

export interface Candidate {
  seq: number;
  /** What the strategy orders by, 0…1. */
  score: number;
  /** BM25; null when the chunk holds none of the words or words were not asked. */
  keyword: number | null;
  /** Cosine similarity; null when the chunk has no vector of the model or meaning was not asked. */
  vector: number | null;
  /** What the reranker made of it, 0…1; left out where it was not shown it. */
  rerank?: number;
}

export interface Found {
  /** Best first; equal scores by seq, so that the same corpus gives the same order. */
  candidates: Candidate[];
  /** Weight of the vector leg beside the keyword leg's 1; 0 when it did not run. */
  vectorWeight: number;
  /** Whether both legs put the same chunk among their first three; null when only one ran. */
  agreement: boolean | null;
  /** What was done and why, in plain sentences. */
  notes: string[];
}

export type StrategyFunction = (search: Search) => Promise<Found>;

/** A BM25 score over the greatest one, 0…1. Words found by their sound come on top, so a passage could pass it. */
export function absolute(keyword: number | null, greatestScore: number): number {
  return keyword === null || greatestScore === 0 ? 0 : Math.min(1, keyword / greatestScore);
}

export function byScore(a: Candidate, b: Candidate): number {
  return b.score - a.score || a.seq - b.seq;
}
