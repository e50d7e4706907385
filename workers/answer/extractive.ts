import type { Passage, QueryAnalysis } from '../../src/retrieval/passage.ts';
import { chooseSentences } from './choose-sentences.ts';
import type { Intent, Mode } from './intent.ts';
import { type Candidate, rankSentences } from './rank-sentences.ts';

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

/**
 * The sentences of the passages that carry most of the question's words, as many as the mode wants (`chooseSentences`):
 * documents by their best sentence and each as it reads, key points by weight. Empty when no sentence shares a word with
 * the question.
 */
export function composeExtractive(
  question: string,
  intent: Intent,
  passages: readonly Passage[],
  analysis: Pick<QueryAnalysis, 'words' | 'sounds'>,
): Draft {
  const candidates = rankSentences(question, intent, passages, analysis);
  const documentOf = ({ sentence }: Candidate): string => passages[sentence.passage]?.documentId ?? '';
  const chosen = chooseSentences(candidates, intent, documentOf);
  const ordered = intent.mode === 'keypoints' ? chosen : inReadingOrder(chosen, documentOf);
  const sentences = ordered.map(({ sentence: { passage, start, end, text } }) => ({
    passage,
    start,
    end,
    text,
  }));
  return { mode: intent.mode, sentences };
}

/** Documents by their best sentence, sentences of one document as they stand in it. */
function inReadingOrder(
  chosen: readonly Candidate[],
  documentOf: (candidate: Candidate) => string,
): Candidate[] {
  const rank = new Map<string, number>();
  for (const candidate of chosen) {
    if (!rank.has(documentOf(candidate))) rank.set(documentOf(candidate), rank.size);
  }
  const rankOf = (candidate: Candidate): number => rank.get(documentOf(candidate)) ?? 0;
  return [...chosen].sort((a, b) => rankOf(a) - rankOf(b) || a.sentence.start - b.sentence.start);
}
