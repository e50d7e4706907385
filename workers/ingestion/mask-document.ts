import {
  countAll,
  maskText,
  type PiiCounts,
  type PiiPolicy,
  type PiiReport,
} from '../../src/text/pii/mask.ts';
import type { ParsedDocument } from './parsed-document.ts';

export interface MaskedDocument {
  document: ParsedDocument;
  report: PiiReport;
}

/**
 * Puts placeholders in the place of personal data, before anything is made of the text, so that chunks, vectors, index words
 * and offsets never knew it. Pages and headings move with the text; title and author that the file names are masked as well,
 * and counted where the text does not have the same.
 */
export function maskDocument(document: ParsedDocument, policy: PiiPolicy): MaskedDocument {
  if (policy === 'off') return { document, report: { policy, found: {} } };
  const { text, found, moved } = maskText(document.text);
  const counts = { ...found };
  const named = (value: string | undefined): string | undefined => {
    if (value === undefined) return undefined;
    const masked = maskText(value);
    if (!document.text.includes(value)) add(counts, masked.found);
    return masked.text;
  };
  const title = named(document.title);
  const author = named(document.author);
  const report = { policy, found: counts };
  if (countAll(counts) === 0) return { document, report };
  const move = <R extends { start: number; end: number }>(range: R): R => ({
    ...range,
    start: moved(range.start),
    end: moved(range.end),
  });
  return {
    document: {
      ...document,
      text,
      pages: document.pages.map(move),
      headings: document.headings.map(move),
      ...(title !== undefined && { title }),
      ...(author !== undefined && { author }),
    },
    report,
  };
}

function add(counts: PiiCounts, more: PiiCounts): void {
  for (const [kind, count] of Object.entries(more) as [keyof PiiCounts, number][])
    counts[kind] = (counts[kind] ?? 0) + count;
}
