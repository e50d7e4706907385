import type { Evidence, QueryAnalysis } from '../../src/retrieval/passage.ts';
import type { Language } from '../../src/text/language.ts';
import { answerThreshold } from './answer-threshold.ts';
import type { Cited } from './cited.ts';
import { explainConfidence } from './confidence-reasons.ts';
import { readSignals, type Signals } from './signals.ts';

export interface Judgement {
  /** Say that the documents have no answer, rather than show this one. */
  abstain: boolean;
  /** Probability that the sources carry the answer, times the share of the answer that is cited, 0…1. */
  confidence: number;
  /** What speaks for and against it, plain sentences in the answer's language. */
  reasons: string[];
}

/**
 * Logistic models of "the cited sentences hold the answer", one for retrieval with a vector leg and one for words alone.
 *
 * Fitted offline by Newton's method with an L2 penalty of .001 on standardised signals, every group (set × answerable or
 * not) of equal weight but those named. Each question was asked of a corpus that has its answer and of one from which the
 * answer was taken out; right is an answer whose sentences hold the gold string (KorQuAD) or come from a judged document
 * (the others). Words alone: KorQuAD 1.0 dev, articles with an even number (1,657 questions; whole article withheld; also
 * corpora of 30 paragraphs; those with other paragraphs of the same article at weight .5), every second claim of SciFact
 * train (30 abstracts and all 5,183; withheld from all at weight .2, as other abstracts often carry the claim too) and
 * every second question of a 250-question sample of MultiHop-RAG (weight .3, all
 * 326 articles and 30). With vectors: the same without KorQuAD, MultiHop-RAG at full weight, cosines of all-MiniLM-L6-v2.
 * Another embedding model spreads its cosines otherwise: fit again before trusting the numbers.
 */
const withVectors = { constant: -9.089, matched: 3.347, coverage: 1.767, vector: 4.944, agreement: 1.805 };
const wordsAlone = { constant: -5.607, matched: 3.379, focus: 4.906 };

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
 * Judges an answer by absolute signals. Abstains when no citation survived or when the probability is below `threshold`;
 * the confidence of an abstention is that of the answer that was held back, 0 when there was none.
 */
export function judge({ retrieval, cited, language, threshold = answerThreshold }: Judged): Judgement {
  const signals = readSignals(retrieval.evidence, retrieval.analysis, cited ?? noAnswer);
  const probability = signals.citationCoverage === 0 ? 0 : supportProbability(signals);
  const abstain = signals.citationCoverage === 0 || probability < threshold;
  const confidence = round(probability * signals.citationCoverage);
  return { abstain, confidence, reasons: explainConfidence(signals, { abstain, language }) };
}

const noAnswer: Cited = { answer: '', sources: [], citationCoverage: 0, dropped: [] };

/** Probability that the cited sentences hold the answer, 0…1. */
export function supportProbability({ matched, focus, coverage, vector, agreement }: Signals): number {
  const words = Math.log1p(matched);
  if (vector === null)
    return logistic(wordsAlone.constant + wordsAlone.matched * words + wordsAlone.focus * focus);
  const { constant, ...weight } = withVectors;
  const agrees = agreement === null ? unknownAgreement : Number(agreement);
  return logistic(
    constant +
      weight.matched * words +
      weight.coverage * coverage +
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
