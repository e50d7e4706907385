import type { Evidence, QueryAnalysis } from '../../src/retrieval/passage.ts';
import type { Language } from '../../src/text/language.ts';
import { answerThreshold } from './answer-threshold.ts';
import type { Cited } from './cited.ts';
import { explainConfidence } from './confidence-reasons.ts';
import { type Conflict, conflictsAmong } from './conflicts.ts';
import { readSignals, type Signals } from './signals.ts';

export interface Judgement {
  /** Say that the documents have no answer, rather than show this one. */
  abstain: boolean;
  /** Probability that the answer is right, times the share of what is shown that is cited, 0….99. */
  confidence: number;
  /** What speaks for and against it, plain sentences in the answer's language. */
  reasons: string[];
  /** Cited sources that contradict each other. */
  conflicts: Conflict[];
}

/**
 * Logistic models of "the answer is right", one for retrieval with a vector leg and one for words alone. What was fitted on
 * what, and how far to believe it, stands in docs/quality.md. Another embedding model spreads its cosines otherwise: fit
 * again before trusting the numbers.
 */
const withVectors = { constant: -12.13, matched: 2.93, focus: 7.47, vector: 9.57, agreement: 1.16 };
const wordsAlone = { constant: -6.96, matched: 4.95, focus: 5.7 };

/** Nothing is certain: a threshold of 1 lets no answer pass. */
export const mostConfident = 0.99;

/** Stands for the agreement of two legs where only one ran. */
const unknownAgreement = 0.75;

export interface Judged {
  retrieval: { evidence: Evidence; analysis: Pick<QueryAnalysis, 'words' | 'sounds'> };
  /** The answer as it would be shown; null when there is none. */
  cited: Cited | null;
  /** The answer's language. */
  language: Language;
  threshold?: number;
}

/**
 * Judges an answer by absolute signals. Abstains when no citation survived or when the confidence is below `threshold`;
 * the confidence of an abstention is that of the answer that was held back, 0 when there was none.
 */
export function judge({ retrieval, cited, language, threshold = answerThreshold }: Judged): Judgement {
  const signals = readSignals(retrieval.evidence, retrieval.analysis, cited ?? noAnswer);
  const probability = signals.citationCoverage === 0 ? 0 : supportProbability(signals);
  const shown = cited && cited.unsupportedSpans.length > 0 ? signals.citationCoverage : 1;
  const confidence = round(Math.min(mostConfident, probability) * shown);
  const abstain = signals.citationCoverage === 0 || confidence < threshold;
  const conflicts = conflictsAmong(cited?.sources ?? []);
  const about = { abstain, language, conflicts, cited: cited ?? noAnswer };
  return { abstain, confidence, conflicts, reasons: explainConfidence(signals, about) };
}

const noAnswer: Cited = {
  ...{ answer: '', sources: [], citationCoverage: 0, dropped: [] },
  ...{ unsupportedSpans: [], unsupportedLeftOut: 0 },
};

/** Probability that the cited sentences hold the answer, 0…1. */
export function supportProbability({ matched, focus, vector, agreement }: Signals): number {
  const words = Math.log1p(matched);
  if (vector === null)
    return logistic(wordsAlone.constant + wordsAlone.matched * words + wordsAlone.focus * focus);
  const { constant, ...weight } = withVectors;
  const agrees = agreement === null ? unknownAgreement : Number(agreement);
  return logistic(
    constant +
      weight.matched * words +
      weight.focus * Math.sqrt(focus) +
      weight.vector * vector +
      weight.agreement * agrees,
  );
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
