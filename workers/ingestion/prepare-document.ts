import { AppError } from '../../src/errors.ts';
import { countWords, type WordCounts } from '../../src/retrieval/analyze.ts';
import { detectLanguage } from '../../src/text/language.ts';
import { countAll, type PiiPolicy, type PiiReport } from '../../src/text/pii/mask.ts';
import type { FormatName } from './formats.ts';
import { maskDocument } from './mask-document.ts';
import type { ParseResult } from './parse-document.ts';
import type { ChunkRange, PageRange } from './parsed-document.ts';
import { splitText } from './split-text.ts';

/** Most characters a document's text may have: beyond, its chunks no longer fit one process or one transaction. */
const maxCharacters = 20_000_000;

export interface PrepareOptions {
  /** The title its sender gave; else the one found in the file counts. */
  title: string | null;
  /** Most tokens of a chunk. */
  size: number;
  /** Most tokens that a chunk shares with the one before. */
  overlap: number;
  /** What becomes of personal data; left out: it stays and is not looked for. */
  pii?: PiiPolicy;
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
  /** What was found of personal data, where it was asked for. Under `reject` such a document has no chunks. */
  pii?: PiiReport;
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
  { format, document: parsed }: ParseResult,
  { title: given, size, overlap, pii }: PrepareOptions,
): Preparation {
  if (parsed.text.length > maxCharacters) throw tooLarge(parsed.text.length);
  const { document, report } = maskDocument(parsed, pii ?? 'off');
  const { text, pages, title, author, date } = document;
  const refused = isRefused(report);
  const ranges = refused ? [] : splitText(document, { size, overlap });
  if (ranges.length === 0 && !refused) throw new AppError('document_empty', 'The document has no text.');
  const found = {
    language: detectLanguage(text),
    ...(title && { title }),
    ...(author && { author }),
    ...(date && { date }),
  };
  const chunks = indexedChunks(text, ranges, given ?? title ?? '');
  return { document: { format, text, pages, found, ...(pii && { pii: report }) }, chunks };
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
  for (const range of ranges) {
    const passage = text.slice(range.start, range.end);
    // Title and headings are said once for the whole document or section: each chunk must be found by them too.
    const indexed = [title, range.heading ?? '', passage].join('\n');
    yield { ...range, text: passage, ...countWords(indexed) };
  }
}

function tooLarge(characters: number): AppError {
  const millions = (count: number): string => `${(count / 1e6).toLocaleString('en')} million`;
  return new AppError(
    'document_too_large',
    `The document's text has ${millions(characters)} characters; the limit is ${millions(maxCharacters)}. Split it into several documents.`,
  );
}
