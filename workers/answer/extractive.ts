import type { Passage, QueryAnalysis } from '../../src/retrieval/passage.ts';
import type { Intent, Mode } from './intent.ts';
import { type Candidate, rankSentences } from './rank-sentences.ts';
import type { SourceSentence } from './source-sentences.ts';

/** A sentence of the answer, word for word as its source has it. */
export interface DraftSentence {
  /** Index into the passages the draft was composed from. */
  passage: number;
  /** UTF-16 offsets of `text` in the version's text. */
  start: number;
  end: number;
  text: string;
}

export interface Draft {
  mode: Mode;
  sentences: DraftSentence[];
}

/** Most sentences an answer has, by mode. */
const limits: Record<Mode, number> = { answer: 3, summary: 5, keypoints: 7 };

/** Sentences below this share of the best one's score add length rather than an answer. */
const worthSaying: Record<Mode, number> = { answer: 0.7, summary: 0.35, keypoints: 0.35 };

/** Two sentences with more than this share of words in common say the same. */
const sameSaying = 0.75;

/**
 * The sentences of the passages that carry most of the question's words: at most 3 (answer), 5 (summary) or 7 (keypoints),
 * in reading order, passages ordered by their best sentence. Empty when no sentence shares a word with the question.
 */
export function composeExtractive(
  question: string,
  intent: Intent,
  passages: readonly Passage[],
  analysis: Pick<QueryAnalysis, 'words' | 'sounds'>,
): Draft {
  const candidates = rankSentences(question, intent, passages, analysis);
  const chosen = choose(candidates, intent);
  const sentences = inReadingOrder(chosen, passages).map(({ sentence: { passage, start, end, text } }) => ({
    passage,
    start,
    end,
    text,
  }));
  return { mode: intent.mode, sentences };
}

/** The best sentences that don't repeat each other, as many as the mode allows. */
function choose(candidates: readonly Candidate[], intent: Intent): Candidate[] {
  const limit = limits[intent.mode];
  const best = candidates[0]?.score ?? 0;
  const chosen: Candidate[] = [];
  for (const candidate of candidates) {
    if (chosen.length === limit || candidate.score < worthSaying[intent.mode] * best) break;
    if (chosen.some((other) => saysTheSame(other.sentence, candidate.sentence))) continue;
    if (intent.mode !== 'answer' && crowds(candidate, chosen, limit)) continue;
    chosen.push(candidate);
  }
  return withAntecedent(chosen, limit);
}

/**
 * Puts the sentence before the best one in, when the best one opens with "He" or "그는"; for it the least of the chosen
 * gives way.
 */
function withAntecedent(chosen: readonly Candidate[], limit: number): Candidate[] {
  const best = chosen[0];
  const antecedent = best?.antecedent;
  if (!best || !antecedent || chosen.some(({ sentence }) => sentence === antecedent)) return [...chosen];
  const kept = chosen.length === limit ? chosen.slice(0, -1) : chosen;
  return [...kept, { sentence: antecedent, antecedent: null, score: best.score }];
}

/** Summaries speak for several sources: no passage gets more than half of the sentences. */
function crowds({ sentence }: Candidate, chosen: readonly Candidate[], limit: number): boolean {
  return chosen.filter((other) => other.sentence.passage === sentence.passage).length >= Math.ceil(limit / 2);
}

function saysTheSame(a: SourceSentence, b: SourceSentence): boolean {
  if (a.text === b.text) return true;
  let common = 0;
  for (const word of a.words) if (b.words.has(word)) common += 1;
  return common > sameSaying * (a.words.size + b.words.size - common);
}

/** Documents by their best sentence, sentences of one document as they stand in it. */
function inReadingOrder(chosen: readonly Candidate[], passages: readonly Passage[]): Candidate[] {
  const documentOf = ({ sentence }: Candidate): string => passages[sentence.passage]?.documentId ?? '';
  const rank = new Map<string, number>();
  for (const candidate of chosen) {
    if (!rank.has(documentOf(candidate))) rank.set(documentOf(candidate), rank.size);
  }
  const rankOf = (candidate: Candidate): number => rank.get(documentOf(candidate)) ?? 0;
  return [...chosen].sort((a, b) => rankOf(a) - rankOf(b) || a.sentence.start - b.sentence.start);
}
