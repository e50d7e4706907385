import { normaliseText } from './normalise-text.ts';
import type { Heading, PageRange } from './parsed-document.ts';

/**
 * Puts a document's text together block by block and keeps pages and headings in step with it: a block is normalised
 * before it is appended, so the offsets are exact.
 */
export interface DocumentBuilder {
  /** Appends a block, after a blank line or (`tight`) on the next line. A blank block is left out. */
  block(text: string, options?: { tight?: boolean; headingLevel?: number }): void;
  /** What follows stands on the next page; the first call begins page 1. */
  beginPage(): void;
  build(): { text: string; pages: PageRange[]; headings: Heading[] };
}

/** Short strings cost several times their length: so many are made one. */
const partsTogether = 8_192;

export function createDocumentBuilder(): DocumentBuilder {
  let parts: string[] = [];
  const joined: string[] = [];
  const headings: Heading[] = [];
  const pageStarts: number[] = [];
  let length = 0;
  // A page begins where its first block will stand, which is known only when that block comes.
  let pagesAhead = 0;

  function append(part: string): void {
    parts.push(part);
    length += part.length;
    if (parts.length < partsTogether) return;
    joined.push(parts.join(''));
    parts = [];
  }

  function settlePages(): void {
    for (; pagesAhead > 0; pagesAhead -= 1) pageStarts.push(length);
  }

  return {
    block(raw, { tight = false, headingLevel } = {}) {
      const text = normaliseText(raw);
      if (text.trim() === '') return;
      if (length > 0) append(tight ? '\n' : '\n\n');
      settlePages();
      if (headingLevel !== undefined)
        headings.push({ level: headingLevel, start: length, end: length + text.length });
      append(text);
    },
    beginPage() {
      pagesAhead += 1;
    },
    build() {
      settlePages();
      const pages = pageStarts.map((start, i) => ({ page: i + 1, start, end: pageStarts[i + 1] ?? length }));
      return { text: [...joined, ...parts].join(''), pages, headings };
    },
  };
}
