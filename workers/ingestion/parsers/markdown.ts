import { decodeText } from '../decode-text.ts';
import { declaredCharset, type Parser } from '../formats.ts';
import { isoDate } from '../iso-date.ts';
import { normaliseText } from '../normalise-text.ts';
import type { Heading } from '../parsed-document.ts';

/** Markdown: the text as it is, with its headings and what its front matter says. */
export const markdownParser: Parser = {
  format: 'md',
  contentTypes: ['text/markdown', 'text/x-markdown'],
  async parse(bytes, hints) {
    const text = normaliseText(decodeText(bytes, declaredCharset(hints)));
    const matter = frontMatter(text);
    const headings = findHeadings(text, matter.end);
    const first = headings.find((heading) => heading.level === 1);
    const title = matter.fields.get('title') ?? (first && text.slice(first.start, first.end));
    const author = matter.fields.get('author');
    const date = isoDate(matter.fields.get('date'));
    return {
      text,
      pages: [],
      headings,
      ...(title && { title }),
      ...(author && { author }),
      ...(date && { date }),
    };
  },
};

/** Single-line fields of the YAML between two `---` lines at the very top; lists and nested values are left alone. */
function frontMatter(text: string): { fields: Map<string, string>; end: number } {
  const fields = new Map<string, string>();
  const matter = /^---[ \t]*\n([\s\S]{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)/.exec(text);
  if (matter === null) return { fields, end: 0 };
  for (const line of (matter[1] ?? '').split('\n')) {
    const [, key, value] = /^([A-Za-z_-]+):[ \t]+(\S.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined || /^[[{|>&*!]/.test(value)) continue;
    fields.set(key.toLowerCase(), value.replace(/^(["'])(.*)\1$/, '$2'));
  }
  return { fields, end: matter[0].length };
}

/** ATX (`## Title`) and setext (underlined) headings outside fenced code; a range covers the title's own words. */
function findHeadings(text: string, from: number): Heading[] {
  const headings: Heading[] = [];
  let fence: string | undefined;
  let previous = { line: '', start: from };
  let start = from;
  for (const line of text.slice(from).split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (fence !== undefined) {
      if (mark?.[1]?.startsWith(fence) && mark[2]?.trim() === '') fence = undefined;
      previous = { line: '', start };
    } else if (mark?.[1] !== undefined && !(mark[1].startsWith('`') && mark[2]?.includes('`'))) {
      fence = mark[1];
      previous = { line: '', start };
    } else {
      const heading = atxHeading(line, start) ?? setextHeading(line, previous);
      if (heading !== undefined) headings.push(heading);
      previous = { line: heading === undefined ? line : '', start };
    }
    start += line.length + 1;
  }
  return headings;
}

function atxHeading(line: string, lineStart: number): Heading | undefined {
  const [, opening, marks] = /^( {0,3}(#{1,6})[ \t]+)\S/.exec(line) ?? [];
  if (opening === undefined || marks === undefined) return undefined;
  const title = line
    .slice(opening.length)
    .replace(/[ \t]+#+$/, '')
    .trimEnd();
  if (/^#*$/.test(title)) return undefined;
  const start = lineStart + opening.length;
  return { level: marks.length, start, end: start + title.length };
}

function setextHeading(line: string, above: { line: string; start: number }): Heading | undefined {
  const mark = /^ {0,3}(=+|-{2,})$/.exec(line)?.[1];
  // Not under a list item, a quote, a table row or indented code: there the line is a rule or a table border.
  if (
    mark === undefined ||
    above.line.trim() === '' ||
    /^(?: {4}|\s*(?:[-*+>|]|\d+[.)]) ?)|\|/.test(above.line)
  )
    return undefined;
  const title = above.line.trim();
  const start = above.start + above.line.indexOf(title);
  return { level: mark.startsWith('=') ? 1 : 2, start, end: start + title.length };
}
