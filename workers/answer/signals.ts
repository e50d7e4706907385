import { analyze } from '../../src/retrieval/analyze.ts';
import type { Evidence, QueryAnalysis } from '../../src/retrieval/passage.ts';
import type { Cited } from './cited.ts';

/** What speaks for an answer, in measures that mean the same in small and large corpora and for short and long questions. */
export interface Signals {
  /**
   * Distinctive words of the question that the best quote and its title have: their idf mass over the greatest idf of a
   * question word, so that a word no other document has counts 1 and a common one little. 0…number of words.
   */
  matched: number;
  /** The same as a share of the whole question, 0…1. */
  focus: number;
  /** Share of the question's idf mass in the best passages together, 0…1. */
  coverage: number;
  /** Best cosine similarity; null without a vector leg that can read the question. */
  vector: number | null;
  agreement: boolean | null;
  /** Share of the answer's sentences with a verified citation, 0…1. */
  citationCoverage: number;
}

/** A Hangul word overlaps with its bigrams: each syllable is counted about twice among the index words. */
const hangulShare = 0.5;

export function readSignals(
  evidence: Evidence,
  analysis: Pick<QueryAnalysis, 'words'>,
  cited: Cited,
): Signals {
  const weighed = analysis.words.map(({ word, idf }) => ({ word, weight: idf * shareOf(word) }));
  const mass = weighed.reduce((sum, { weight }) => sum + weight, 0);
  const greatest = analysis.words.reduce((most, { idf }) => Math.max(most, idf), 0);
  let best = 0;
  for (const { quote, passage } of cited.sources) {
    const words = new Set(analyze([quote, passage.title ?? '', passage.heading ?? ''].join('\n')).words);
    const carried = weighed.reduce((sum, { word, weight }) => sum + (words.has(word) ? weight : 0), 0);
    best = Math.max(best, carried);
  }
  return {
    matched: greatest === 0 ? 0 : best / greatest,
    focus: mass === 0 ? 0 : best / mass,
    coverage: evidence.coverage,
    vector: evidence.vector,
    agreement: evidence.agreement,
    citationCoverage: cited.citationCoverage,
  };
}

function shareOf(word: string): number {
  return /\p{Script=Hangul}/u.test(word) ? hangulShare : 1;
}
