import type { AnswerResult } from '../src/answer-result.ts';
import { splitSentences } from '../src/text/sentences.ts';
import type { Question } from './answer-questions.ts';

/** How one answer fared. */
export interface JudgedAnswer {
  question: string;
  language: string;
  /** Its documents were kept from the question. */
  withheld: boolean;
  /** The collection says that what could be found answers it. */
  answerable: boolean;
  /** Confidence is below the threshold, or nothing was found that could be cited. */
  abstained: boolean;
  confidence: number;
  /** Whether the answer, given or held back, has the gold. */
  right: boolean;
  /** A quote shares a sentence with a fact; null where the collection gives none. */
  fact: boolean | null;
  sentences: number;
  /** Documents that are cited. */
  documents: number;
  /** Quotes marked as verified, and how many of them stand where they say. */
  quotes: { verified: number; standing: number };
  ms: number;
}

/** What an answer is held against. */
export interface Reading {
  withheld: boolean;
  /** Passage id of a document of the service. */
  passageOf: (documentId: string) => string;
  /** The version's text as the service keeps it. */
  textOf: (documentId: string, version: number) => Promise<string>;
  threshold: number;
}

/** @param result of a question asked without a threshold, so that answers which would be held back can be judged too. */
export async function judgeAnswer(
  question: Question,
  result: AnswerResult,
  { withheld, passageOf, textOf, threshold }: Reading,
): Promise<JudgedAnswer> {
  const verified = result.sources.filter((source) => source.verified);
  let standing = 0;
  for (const { document_id, version, char_range, quote } of verified) {
    if (document_id === null || version === null) continue;
    const text = await textOf(document_id, version);
    if (quote !== '' && text.slice(...char_range) === quote) standing += 1;
  }
  const answerable = question.gold !== null && !withheld;
  return {
    ...{ question: question.id, language: result.language, withheld, answerable },
    abstained: result.abstained || result.confidence < threshold,
    confidence: result.confidence,
    right: answerable && isRight(question, result, passageOf),
    fact: question.facts.length === 0 ? null : result.sources.some(({ quote }) => hasFact(quote, question)),
    sentences: splitSentences(result.answer.replace(/ \[\d+\]/gu, '')).length,
    documents: new Set(result.sources.map(({ document_id }) => document_id)).size,
    quotes: { verified: verified.length, standing },
    ms: result.steps.filter(({ name }) => name !== 'retrieve').reduce((sum, { ms }) => sum + ms, 0),
  };
}

function isRight(
  { gold, documents }: Question,
  { answer, sources }: AnswerResult,
  passageOf: Reading['passageOf'],
): boolean {
  if (gold?.kind === 'strings')
    return gold.strings.some((string) => comparable(answer).includes(comparable(string)));
  return sources.some(({ document_id }) => document_id !== null && documents.has(passageOf(document_id)));
}

function hasFact(quote: string, { facts }: Question): boolean {
  return facts.some(
    (fact) => comparable(quote).includes(comparable(fact)) || comparable(fact).includes(comparable(quote)),
  );
}

/** One form of each character, no markers of sources, single spaces. */
function comparable(text: string): string {
  return text
    .normalize('NFC')
    .replace(/ \[\d+\]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim();
}
