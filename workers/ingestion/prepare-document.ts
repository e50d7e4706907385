import { AppError } from '../../src/errors.ts';
import { countWords, type WordCounts } from '../../src/retrieval/analyze.ts';
import { detectLanguage } from '../../src/text/language.ts';
import { indexedText } from '../../src/text/passage-text.ts';
import { countAll, type PiiPolicy, type PiiReport } from '../../src/text/pii/mask.ts';
import type { FormatName } from './formats.ts';
import { likelyHeadings } from './markdown-headings.ts';
import { maskDocument } from './mask-document.ts';
import type { ParseResult } from './parse-document.ts';
import type { ChunkRange, PageRange, ParsedDocument } from './parsed-document.ts';
import { splitText } from './split-text.ts';

/** Most characters that are prepared at once: beyond, they no longer fit one process. Only plain text comes in smaller pieces. */
const mostAtOnce = 20_000_000;

const longestGap = 1_000;
/** Formats whose lines are rows. */
const tables: ReadonlySet<FormatName> = new Set(['csv', 'xlsx', 'ods']);

export interface PrepareOptions {
  /** The title its sender gave; else the one found in the file counts. */
  title: string | null;
  /** Most tokens of a chunk. */
  size: number;
  /** Most tokens that a chunk shares with the one before. */
  overlap: number;
  /** What becomes of personal data; left out: it stays and is not looked for. */
  pii?: PiiPolicy;
  /** Most characters that the text may have; left out: any number. */
  maxCharacters?: number;
  /** Characters of the document that were prepared before, where this is a part of it. */
  before?: number;
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
  /** What was found of personal data, where it was asked for. Under `reject` such a document has no chunks. */
  pii?: PiiReport;
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
  { format, document: parsed }: ParseResult,
  { title: given, size, overlap, pii, maxCharacters = Number.POSITIVE_INFINITY, before = 0 }: PrepareOptions,
): Preparation {
  if (parsed.text.length > mostAtOnce) throw tooLarge(mostAtOnce);
  if (before + parsed.text.length > maxCharacters) throw tooLarge(maxCharacters);
  const { document, report } = maskDocument(parsed, pii ?? 'off');
  const refused = isRefused(report);
  const ranges = refused ? [] : splitText(document, { size, overlap, records: tables.has(format) });
  if (ranges.length === 0 && !refused) throw new AppError('document_empty', 'The document has no text.');
  const chunks = indexedChunks(document.text, ranges, given ?? document.title ?? '');
  return { document: described(format, document, pii && report), chunks };
}

/** What is said of a file of blank pages. */
export function prepareBlank({ format, document: parsed }: ParseResult, pii?: PiiPolicy): PreparedDocument {
  const pages = parsed.pages.map(({ page }) => ({ page, start: 0, end: 0 }));
  const { document, report } = maskDocument({ ...parsed, text: '', pages, headings: [] }, pii ?? 'off');
  return described(format, document, pii && report);
}

function described(
  format: FormatName,
  { text, pages, title, author, date }: ParsedDocument,
  pii: PiiReport | undefined,
): PreparedDocument {
  const found = {
    language: detectLanguage(text),
    ...(title && { title }),
    ...(author && { author }),
    ...(date && { date }),
  };
  return { format, text, pages, found, ...(pii && { pii }) };
}

/** Whether the document must not be taken in, by the policy it came with. */
export function isRefused(report: PiiReport): boolean {
  return report.policy === 'reject' && countAll(report.found) > 0;
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

function tooLarge(limit: number): AppError {
  const setting = limit === mostAtOnce ? 'for other formats than plain text' : 'MAX_DOCUMENT_CHARACTERS';
  return new AppError(
    'document_too_large',
    `The document's text is longer than ${(limit / 1e6).toLocaleString('en')} million characters, the limit (${setting}). Split it into several documents.`,
  );
}
