import { AppError } from '../../src/errors.ts';
import { countWords, type WordCounts } from '../../src/retrieval/analyze.ts';
import { detectLanguage } from '../../src/text/language.ts';
import { indexedText } from '../../src/text/passage-text.ts';
import type { FormatName } from './formats.ts';
import { likelyHeadings } from './markdown-headings.ts';
import type { ParseResult } from './parse-document.ts';
import type { ChunkRange, PageRange } from './parsed-document.ts';
import { splitText } from './split-text.ts';

/** Most characters a document's text may have: beyond, its chunks no longer fit one process or one transaction. */
const maxCharacters = 20_000_000;

const longestGap = 1_000;

export interface PrepareOptions {
  /** The title its sender gave; else the one found in the file counts. */
  title: string | null;
  /** Most tokens of a chunk. */
  size: number;
  /** Most tokens that a chunk shares with the one before. */
  overlap: number;
}

/** A chunk ready to store: its passage, and the index words of passage, headings and title. */
export interface PreparedChunk extends ChunkRange, WordCounts {
  text: string;
  /** White space between the chunk before and this one; null where they overlap. */
  gap: string | null;
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

/** A text as it is given, its sections found where it is plainly Markdown: the same form as what a parser makes of a file. */
export function givenText(text: string): ParseResult {
  return { format: 'txt', document: { text, pages: [], headings: likelyHeadings(text) } };
}

/**
 * All that ingestion does between parsing and storing, without touching anything outside.
 *
 * @throws AppError `document_empty`, `document_too_large`
 */
export function prepareDocument(
  { format, document }: ParseResult,
  { title: given, size, overlap }: PrepareOptions,
): Preparation {
  const { text, pages, title, author, date } = document;
  if (text.length > maxCharacters) throw tooLarge(text.length);
  const ranges = splitText(document, { size, overlap, records: format === 'csv' });
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
  let before = 0;
  for (const range of ranges) {
    const passage = text.slice(range.start, range.end);
    // Nobody joins chunks over a thousand blank lines; what is not stored counts as unknown.
    const apart = range.start - before;
    const gap = apart >= 0 && apart <= longestGap ? text.slice(before, range.start) : null;
    before = range.end;
    yield { ...range, text: passage, gap, ...countWords(indexedText({ title, ...range, text: passage })) };
  }
}

function tooLarge(characters: number): AppError {
  const millions = (count: number): string => `${(count / 1e6).toLocaleString('en')} million`;
  return new AppError(
    'document_too_large',
    `The document's text has ${millions(characters)} characters; the limit is ${millions(maxCharacters)}. Split it into several documents.`,
  );
}
