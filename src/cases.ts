import type { AnswerResult } from './answer-result.ts';

/** Who says that an answer was good: those who rated it, or the sources that carry it. */
export type ConfirmedBy = 'support' | 'feedback';

/** A good answer, to be kept for questions like its own. */
export interface NewCase {
  answerId: string;
  /** Whose question it was; null: nobody's key. */
  apiKeyId: string | null;
  question: string;
  answer: string;
  language: string;
  confidence: number;
  confirmedBy: ConfirmedBy;
  sources: { n: number; documentId: string; chunkId: string; quote: string }[];
}

/** A case that the question is like. */
export interface CaseMatch {
  id: string;
  /** The answer that it was. */
  answerId: string;
  question: string;
  answer: string;
  confirmedBy: ConfirmedBy;
  /** .7 × likeness of meaning + .3 × likeness of words, 0…1; by words alone where the model can't read the question. */
  score: number;
  /** Numbers of the chunks that it cited. */
  seqs: number[];
}

interface Answered {
  id: string;
  api_key_id: string | null;
  question: string;
}

/** The case that an answer would make; null where nothing of it can be checked: then nothing confirms it. */
export function caseOf(
  { id, api_key_id, question }: Answered,
  result: Pick<
    AnswerResult,
    'abstained' | 'answer' | 'confidence' | 'contextual_question' | 'language' | 'sources'
  >,
  confirmedBy: ConfirmedBy,
): NewCase | null {
  const cited = result.sources.filter(({ verified, deleted }) => verified && !deleted);
  if (result.abstained || cited.length === 0 || cited.length < result.sources.length) return null;
  const sources = cited.flatMap(({ n, document_id: documentId, chunk_id: chunkId, quote }) =>
    documentId === null || chunkId === null ? [] : [{ n, documentId, chunkId, quote }],
  );
  // What a tool said was true of that moment.
  if (sources.length < cited.length) return null;
  return {
    answerId: id,
    apiKeyId: api_key_id,
    question: result.contextual_question ?? question,
    answer: result.answer,
    language: result.language,
    confidence: result.confidence,
    confirmedBy,
    sources,
  };
}

/** How like the question a case must be to count, 0…1: see docs/cases.md. */
export const leastLikeness = 0.6;

/** Ratings from here on confirm an answer, and up to there say that it was none (of 0…1). */
export const [confirming, refuting] = [0.75, 0.25];
