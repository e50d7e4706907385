import { hearText } from '../../src/retrieval/analyze.ts';
import { askedWords, heldWeight } from '../../src/retrieval/held-words.ts';
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
  analysis: Pick<QueryAnalysis, 'words' | 'sounds'>,
  cited: Cited,
): Signals {
  const asked = askedWords(analysis);
  const mass = asked.reduce((sum, { word, idf }) => sum + idf * shareOf(word), 0);
  const greatest = analysis.words.reduce((most, { idf }) => Math.max(most, idf), 0);
  let best = 0;
  for (const { quote, passage } of cited.sources) {
    const { held } = hearText([quote, passage.title ?? '', passage.heading ?? ''].join('\n'));
    const carried = asked.reduce((sum, one) => sum + heldWeight(one, held) * shareOf(one.word), 0);
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
