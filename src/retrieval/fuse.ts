import { absolute, byScore, type Candidate } from './strategy.ts';

/** BM25 points that a cosine of 1 is worth, by the square root of the greatest score: see docs/evaluation.md. */
const cosineWorth = 4.5;
/** Without index words there is no scale of words to weigh against. */
const weightAlone = 1;
/** Keyword candidates whose readability speaks for the corpus as the question sees it. */
const speaking = 10;

/**
 * Weight of the vector leg beside BM25 over its greatest score: 4.5 / √greatest × `readable`³.
 * A long question's greatest score is one that no passage comes near, so cosine, whose scale knows no length, must weigh
 * less beside it: a constant worth of cosine is best for long questions, a constant share of the greatest score for short
 * ones, and the root loses least over both. The cube, because a vector of half the words points elsewhere rather than
 * half as well.
 */
export function weightFor(readable: number, greatestScore: number): number {
  const weight = greatestScore > 0 ? cosineWorth / Math.sqrt(greatestScore) : weightAlone;
  return weight * readable ** 3;
}

export interface Evidences {
  seq: number;
  /** BM25, or null. */
  keyword: number | null;
  /** Cosine similarity, or null. */
  vector: number | null;
  /** How far the model can read the passage, 0…1. */
  readable: number;
}

/**
 * How far the model can read the best passages by words, 0…1; 1 where words found none. Vectors of passages that it reads
 * by halves (Korean full of code) mislead more than they help, also where the question is plain.
 */
export function readableAmong(chunks: readonly Evidences[]): number {
  const found = chunks.filter(({ keyword }) => keyword !== null);
  found.sort((a, b) => (b.keyword ?? 0) - (a.keyword ?? 0) || a.seq - b.seq);
  const best = found.slice(0, speaking);
  return best.length === 0 ? 1 : best.reduce((sum, { readable }) => sum + readable, 0) / best.length;
}

/**
 * Convex combination on absolute scales: (K + w·C) / (1 + w), K = BM25 over the greatest score the question could reach,
 * C = cosine similarity (at least 0), w = `weight` × how far the model reads the passage. Where it reads nothing of the
 * passage the words decide alone, so a Korean text is neither helped nor hurt by an English model's cosine.
 * Bruch, Gai, Ingber, An Analysis of Fusion Functions for Hybrid Retrieval (TOIS 2023); ties by seq.
 */
export function fuse(chunks: readonly Evidences[], weight: number, greatestScore: number): Candidate[] {
  const candidates = chunks.map(({ seq, keyword, vector, readable }) => {
    const k = absolute(keyword, greatestScore);
    const w = vector === null ? 0 : weight * readable;
    return { seq, keyword, vector, score: (k + w * Math.max(0, vector ?? 0)) / (1 + w) };
  });
  return candidates.sort(byScore);
}
