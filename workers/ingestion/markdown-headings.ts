import type { Heading } from './parsed-document.ts';

/** ATX (`## Title`) and setext (underlined) headings outside fenced code; a range covers the title's own words. */
export function findHeadings(text: string, from = 0): Heading[] {
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

/**
 * Headings of a text of which nobody says what it is: those of Markdown where it has at least two `## …`, each after a blank
 * line, else none. A comment of a script stands right above its code more often than not.
 */
export function likelyHeadings(text: string): Heading[] {
  const apart = /(?:^|\n[ \t]*\r?\n)#{2,6} /g;
  if ([...text.slice(0, 2_000_000).matchAll(apart)].length < 2) return [];
  return findHeadings(text);
}
