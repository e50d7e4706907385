import { searchWords } from '../db/search-words.ts';
import { absolute, type Found, type Search } from './strategy.ts';

/** Keyword search alone: BM25 over the greatest score that the question could reach. */
export async function byWords(search: Search): Promise<Found> {
  const { db, statistics, limit, scope, bm25, greatestScore } = search;
  const found = await searchWords(db, statistics, { limit, scope, bm25 });
  return {
    candidates: found.map(({ seq, score }) => ({
      seq,
      score: absolute(score, greatestScore),
      keyword: score,
      vector: null,
    })),
    vectorWeight: 0,
    agreement: null,
    notes: statistics.words.length === 0 ? ['The question has no words that the index keeps.'] : [],
  };
}
