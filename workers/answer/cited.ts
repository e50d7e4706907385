import type { Passage } from '../../src/retrieval/passage.ts';
import { type UnsupportedPolicy, withoutUnsupported } from './unsupported.ts';

/** UTF-16 offsets, end exclusive. */
export type Span = [start: number, end: number];

export interface CitedSource {
  /** The number of its marker in the answer, from 1 in order of first use. */
  n: number;
  passage: Passage;
  /** What stands at `charRange` in the version's text, to the letter. */
  quote: string;
  charRange: Span;
  page: number | null;
  /** The answer's sentences it supports, without their markers. */
  answerSpans: Span[];
  /** The quote stands at `charRange` and carries the sentences. Unverified citations are dropped, so nothing else remains. */
  verified: true;
  /** How far the quote carries the sentences that cite it, the least of them, 0…1; 1 for a sentence taken from the source. */
  support: number;
}

export const dropReasons = ['no_such_source', 'not_supported', 'quote_not_found'] as const;
export type DropReason = (typeof dropReasons)[number];

export interface DroppedMarker {
  /** The number as the model wrote it. */
  marker: number;
  reason: DropReason;
  /** The sentence it stood after. */
  sentence: string;
}

export interface Cited {
  /** The answer with ` [n]` after each sentence that has a citation. */
  answer: string;
  sources: CitedSource[];
  /** Share of the sentences as they were written that have a verified citation, 0…1; 0 for an empty answer. */
  citationCoverage: number;
  dropped: DroppedMarker[];
  /** Sentences of the answer that no source carries. */
  unsupportedSpans: Span[];
  /** How many such sentences were left out of the answer. */
  unsupportedLeftOut: number;
}

/** A place in a passage that a sentence rests on; offsets in the version's text. */
export interface Quote {
  passage: Passage;
  start: number;
  end: number;
  /** How far it carries the sentence, 0…1. */
  support: number;
}

/** A piece of the answer to be: a sentence with its quotes, or the layout between sentences. */
export type AnswerPart = { layout: string } | { sentence: string; quotes: Quote[] };

/**
 * Puts an answer together from its parts: numbers the sources by first use, one number for each pair of chunk and quote,
 * and keeps where in the answer each supported sentence stands. Every quote must stand (`quoteStands`). Sentences without
 * a quote stay and are told by their place, or are left out.
 */
export function assembleAnswer(
  written: readonly AnswerPart[],
  dropped: DroppedMarker[],
  policy: UnsupportedPolicy,
): Cited {
  const all = written.filter((part) => 'sentence' in part);
  const { parts, left } = policy === 'drop' ? withoutUnsupported(written) : { parts: written, left: 0 };
  let answer = '';
  const unsupportedSpans: Span[] = [];
  const sources = new Map<string, CitedSource>();
  for (const part of parts) {
    if ('layout' in part) {
      answer += part.layout;
      continue;
    }
    const span: Span = [answer.length, answer.length + part.sentence.length];
    const distinct = [...new Set(part.quotes.map((quote) => sourceFor(quote, sources)))].sort(
      (a, b) => a.n - b.n,
    );
    for (const source of distinct) source.answerSpans.push([...span]);
    if (distinct.length === 0) unsupportedSpans.push(span);
    answer += `${part.sentence}${distinct.map(({ n }) => ` [${n}]`).join('')}`;
  }
  const covered = all.filter(({ quotes }) => quotes.length > 0).length;
  return {
    answer,
    sources: [...sources.values()],
    citationCoverage: all.length === 0 ? 0 : covered / all.length,
    dropped,
    unsupportedSpans,
    unsupportedLeftOut: left,
  };
}

/** Whether a quote lies in its passage, and the passage is as long as its own offsets say. */
export function quoteStands({ passage, start, end }: Omit<Quote, 'support'>): boolean {
  const whole = passage.end - passage.start === passage.text.length;
  return whole && start >= passage.start && start < end && end <= passage.end;
}

/** The page on which the chunk that holds the offset begins. */
function pageOf({ parts, page }: Passage, offset: number): number | null {
  return parts.findLast(({ start }) => start <= offset)?.page ?? page;
}

function sourceFor({ passage, start, end, support }: Quote, sources: Map<string, CitedSource>): CitedSource {
  const key = `${passage.chunkId} ${start} ${end}`;
  const known = sources.get(key);
  if (known) {
    known.support = Math.min(known.support, support);
    return known;
  }
  const source: CitedSource = {
    n: sources.size + 1,
    passage,
    quote: passage.text.slice(start - passage.start, end - passage.start),
    charRange: [start, end],
    page: pageOf(passage, start),
    answerSpans: [],
    verified: true,
    support,
  };
  sources.set(key, source);
  return source;
}
