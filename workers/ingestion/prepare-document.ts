import { AppError } from '../../src/errors.ts';
import { countWords, type WordCounts } from '../../src/retrieval/analyze.ts';
import { detectLanguage } from '../../src/text/language.ts';
import type { FormatName } from './formats.ts';
import type { ParseResult } from './parse-document.ts';
import type { ChunkRange, PageRange } from './parsed-document.ts';
import { splitText } from './split-text.ts';

/** Most characters that are prepared at once: beyond, they no longer fit one process. Only plain text comes in smaller pieces. */
const mostAtOnce = 20_000_000;

export interface PrepareOptions {
  /** The title its sender gave; else the one found in the file counts. */
  title: string | null;
  /** Most tokens of a chunk. */
  size: number;
  /** Most tokens that a chunk shares with the one before. */
  overlap: number;
  /** Most characters that the text may have; left out: any number. */
  maxCharacters?: number;
  /** Characters of the document that were prepared before, where this is a part of it. */
  before?: number;
}

/** A chunk ready to store: its passage, and the index words of passage, headings and title. */
export interface PreparedChunk extends ChunkRange, WordCounts {
  text: string;
}

export interface PreparedDocument {
  format: FormatName;
  text: string;
  pages: PageRange[];
  /** What the document itself says; the language is told from its letters. */
  found: { title?: string; author?: string; date?: string; language: string };
}

export interface Preparation {
  document: PreparedDocument;
  /** In order, made one by one as they are asked for: all together take many times the memory of the text. */
  chunks: Iterable<PreparedChunk>;
}

/** A text as it is given: the same form as what a parser makes of a file. */
export function givenText(text: string): ParseResult {
  return { format: 'txt', document: { text, pages: [], headings: [] } };
}

/**
 * All that ingestion does between parsing and storing, without touching anything outside.
 *
 * @throws AppError `document_empty`, `document_too_large`
 */
export function prepareDocument(
  { format, document }: ParseResult,
  { title: given, size, overlap, maxCharacters = Number.POSITIVE_INFINITY, before = 0 }: PrepareOptions,
): Preparation {
  const { text, pages, title, author, date } = document;
  if (text.length > mostAtOnce) throw tooLarge(mostAtOnce);
  if (before + text.length > maxCharacters) throw tooLarge(maxCharacters);
  const ranges = splitText(document, { size, overlap });
  if (ranges.length === 0) throw new AppError('document_empty', 'The document has no text.');
  const found = {
    language: detectLanguage(text),
    ...(title && { title }),
    ...(author && { author }),
    ...(date && { date }),
  };
  const chunks = indexedChunks(text, ranges, given ?? title ?? '');
  return { document: { format, text, pages, found }, chunks };
}

function* indexedChunks(
  text: string,
  ranges: readonly ChunkRange[],
  title: string,
): Generator<PreparedChunk> {
  for (const range of ranges) {
    const passage = text.slice(range.start, range.end);
    // Title and headings are said once for the whole document or section: each chunk must be found by them too.
    const indexed = [title, range.heading ?? '', passage].join('\n');
    yield { ...range, text: passage, ...countWords(indexed) };
  }
}

function tooLarge(limit: number): AppError {
  const setting = limit === mostAtOnce ? 'for other formats than plain text' : 'MAX_DOCUMENT_CHARACTERS';
  return new AppError(
    'document_too_large',
    `The document's text is longer than ${(limit / 1e6).toLocaleString('en')} million characters, the limit (${setting}). Split it into several documents.`,
  );
}
