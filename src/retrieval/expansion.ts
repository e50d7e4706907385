import { readChunkWords } from '../db/chunk-words.ts';
import {
  greatestScore,
  readWordStatistics,
  searchWords,
  type WordStatistic,
  type WordStatistics,
} from '../db/search-words.ts';
import { isSound } from './sounds.ts';
import { absolute, type Candidate, type Search } from './strategy.ts';

/** The best passages of the first pass that are taken for relevant. */
const passages = 3;
/** Words of theirs that are looked for. */
const mostWords = 15;

/**
 * What the words of the best passages find: they say in other words what the question asks, and what a text in another
 * language shares with them (names, code). Words count by how much they stand out in those passages, so the statistics have
 * their idf scaled. Relevance models: Lavrenko & Croft, SIGIR 2001; mixed with the question as RM3, Abdul-Jaleel et al.,
 * TREC 2004. Scores 0…1, of the greatest that these words can give.
 */
export async function searchByExpansion(search: Search, best: readonly Candidate[]): Promise<Candidate[]> {
  const { db, scope, bm25, limit, access } = search;
  const shares = await wordShares(search, best.slice(0, passages));
  if (shares.size === 0) return [];
  // Frequent ones first: statistics of hundreds of words would cost more than the search.
  const frequent = [...shares].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 4 * mostWords);
  const read = await readWordStatistics(
    db,
    frequent.map(([word]) => word),
    access,
  );
  const statistics = weigh(read, shares);
  const greatest = greatestScore(statistics, bm25);
  const found = await searchWords(db, statistics, { limit, scope, bm25, certain: Math.min(limit, search.k) });
  return found.map(({ seq, score }) => ({
    ...{ seq, score: absolute(score, greatest), keyword: null, vector: null },
  }));
}

/** Share of each word in the passages, each passage by its score. */
async function wordShares({ db }: Search, best: readonly Candidate[]): Promise<Map<string, number>> {
  const scores = new Map(best.map(({ seq, score }) => [seq, score]));
  const shares = new Map<string, number>();
  for (const { seq, words, frequencies } of await readChunkWords(
    db,
    best.map(({ seq }) => seq),
  )) {
    const length = frequencies.reduce((sum, one) => sum + one, 0);
    for (const [i, word] of words.entries()) {
      if (isSound(word)) continue;
      const share = ((frequencies[i] ?? 0) / Math.max(1, length)) * (scores.get(seq) ?? 0);
      shares.set(word, (shares.get(word) ?? 0) + share);
    }
  }
  return shares;
}

/** The words that stand out most, their idf scaled so that the first keeps its own. */
function weigh(statistics: WordStatistics, shares: ReadonlyMap<string, number>): WordStatistics {
  const weightOf = ({ word, idf }: WordStatistic) => (shares.get(word) ?? 0) * idf;
  const words = statistics.words
    .filter(({ known }) => known)
    .sort((a, b) => weightOf(b) - weightOf(a))
    .slice(0, mostWords);
  const most = Math.max(...words.map((one) => shares.get(one.word) ?? 0));
  return {
    ...statistics,
    words: words.map((one) => ({ ...one, idf: one.idf * ((shares.get(one.word) ?? 0) / most) })),
  };
}
