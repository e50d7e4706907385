import { AppError } from '../../src/errors.ts';
import type { PiiCounts, PiiReport } from '../../src/text/pii/mask.ts';
import type { ParseResult } from './parse-document.ts';
import type { PreparedSummary } from './parser-messages.ts';
import {
  isRefused,
  type PreparedChunk,
  type PreparedDocument,
  type PrepareOptions,
  prepareBlank,
  prepareDocument,
} from './prepare-document.ts';

/** Most characters of a window: what a process holds of a text at a time. */
const windowCharacters = 1_000_000;

/** Takes a window's chunks, some at a time, then its text; resolves when there is room for more. */
export interface WindowSink {
  chunk(chunk: PreparedChunk): Promise<void>;
  window(text: string): Promise<void>;
}

/**
 * Prepares the documents of a file one after the other and hands them on in windows; offsets count through all of them. Where
 * one ends a line ends, and no chunk reaches beyond it. Of blank pages there are no windows; they are counted all the same.
 *
 * @throws AppError as `prepareDocument`; `document_empty` when none of them has text
 */
export async function prepareWindows(
  documents: AsyncIterable<ParseResult>,
  options: PrepareOptions,
  sink: WindowSink,
): Promise<PreparedSummary> {
  let summary: PreparedSummary | undefined;
  let blank: PreparedSummary | undefined;
  let length = 0;
  for await (const parsed of documents) {
    if (parsed.document.text.trim() === '') {
      if (parsed.document.pages.length > 0) blank ??= withoutText(prepareBlank(parsed, options.pii));
      continue;
    }
    const { document, chunks } = prepareDocument(parsed, { ...options, before: length });
    const refused = document.pii !== undefined && isRefused(document.pii);
    const separator = summary === undefined ? '' : '\n';
    summary = summary === undefined ? withoutText(document) : joined(summary, document, length + 1);
    length += separator.length;
    // Of what is refused nothing is stored any more; the rest is read for what it holds.
    if (!refused) await handOn(separator, document.text, chunks, length, sink);
    length += document.text.length;
  }
  summary ??= blank;
  if (summary === undefined) throw new AppError('document_empty', 'The file has no text in it.');
  return summary;
}

async function handOn(
  separator: string,
  text: string,
  chunks: Iterable<PreparedChunk>,
  offset: number,
  sink: WindowSink,
): Promise<void> {
  let from = 0;
  let before = separator;
  const end = async (to: number): Promise<void> => {
    await sink.window(before + text.slice(from, to));
    before = '';
    from = to;
  };
  for (const chunk of chunks) {
    while (chunk.start >= from + windowCharacters) await end(evenEnd(text, from + windowCharacters));
    await sink.chunk({ ...chunk, start: chunk.start + offset, end: chunk.end + offset });
  }
  while (text.length - from > windowCharacters) await end(evenEnd(text, from + windowCharacters));
  await end(text.length);
}

/** Not between the two halves of a character: each window is stored by itself. */
function evenEnd(text: string, end: number): number {
  return /[\udc00-\udfff]/.test(text.charAt(end)) ? end + 1 : end;
}

function withoutText({ text: _, ...summary }: PreparedDocument): PreparedSummary {
  return summary;
}

/** What a document as a whole says of itself stands at its beginning; pages go on. */
function joined(summary: PreparedSummary, next: PreparedDocument, offset: number): PreparedSummary {
  const pages = next.pages.map(({ page, start, end }) => ({
    page: page + summary.pages.length,
    start: start + offset,
    end: end + offset,
  }));
  const pii = addedUp(summary.pii, next.pii);
  return { ...summary, pages: [...summary.pages, ...pages], ...(pii && { pii }) };
}

function addedUp(a: PiiReport | undefined, b: PiiReport | undefined): PiiReport | undefined {
  if (!a || !b) return a ?? b;
  const found = { ...a.found };
  for (const [kind, count] of Object.entries(b.found) as [keyof PiiCounts, number][])
    found[kind] = (found[kind] ?? 0) + count;
  return { ...a, found };
}
