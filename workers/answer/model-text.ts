import { splitSentences } from '../../src/text/sentences.ts';

/** A sentence of a model's text with the source numbers that stood in or after it, or the layout between sentences. */
export type ModelPart = { layout: string } | { sentence: string; markers: number[] };

/** `[1]`, `[1, 3]`, `[^1]`, `[source 1]`, `【1】`; with the address of a link, should the model have made it one. */
const marker =
  /[[【]\s*(?:sources?|출처|문서)?\s*\^?(\d{1,3}(?:\s*[,;、]\s*\d{1,3})*)\s*(?:†[^\]】]*)?[\]】](?:\(\s*\S*?\s*\))?/giu;

const bullet = /^\s*(?:[-*•]|\d{1,2}[.)])\s+/u;

/**
 * Takes a model's text apart: each line into its sentences, markers taken out and given to the sentence they stand in or
 * after. A marker before the first sentence of a line belongs to that sentence, one alone on its line to the sentence
 * before. Line breaks, bullets, headings and lead-ins ("The points are:") are layout: they claim nothing.
 */
export function readModelText(text: string): ModelPart[] {
  const parts: ModelPart[] = [];
  for (const [at, line] of text.trim().split(/\r?\n/u).entries()) {
    if (at > 0) parts.push({ layout: '\n' });
    readLine(line, parts);
  }
  return parts;
}

function readLine(line: string, parts: ModelPart[]): void {
  const prefix = bullet.exec(line)?.[0] ?? '';
  const { clean, found } = takeMarkersOut(line.slice(prefix.length));
  if (clean === '') {
    const before = parts.findLast((part) => 'sentence' in part);
    if (before) before.markers.push(...found.flatMap(({ numbers }) => numbers));
    return;
  }
  if (prefix !== '') parts.push({ layout: prefix });
  if (found.length === 0 && (/^#{1,6}\s/u.test(clean) || /[:：]$/u.test(clean))) {
    parts.push({ layout: clean });
    return;
  }
  const ranges = splitSentences(clean);
  for (const [at, { start, end }] of ranges.entries()) {
    const next = ranges[at + 1]?.start ?? Number.POSITIVE_INFINITY;
    const mine = found.filter((one) => (at === 0 || one.at > start) && one.at <= next);
    if (at > 0) parts.push({ layout: ' ' });
    parts.push({ sentence: clean.slice(start, end), markers: mine.flatMap(({ numbers }) => numbers) });
  }
}

interface Found {
  /** Where in the clean line the marker stood. */
  at: number;
  numbers: number[];
}

function takeMarkersOut(line: string): { clean: string; found: Found[] } {
  const found: Found[] = [];
  let clean = '';
  let from = 0;
  for (const match of line.matchAll(marker)) {
    if (insideCode(line, match.index)) continue;
    clean = (clean + line.slice(from, match.index)).trimEnd();
    from = match.index + match[0].length;
    found.push({ at: clean.length, numbers: (match[1] ?? '').split(/\D+/u).map(Number) });
    // "…다.[1]다음 문장": without the marker the two sentences would run into one
    if (/[.!?。]$/u.test(clean) && /^[\p{L}\p{N}]/u.test(line.slice(from))) clean += ' ';
  }
  clean += line.slice(from);
  const lead = clean.length - clean.trimStart().length;
  return {
    clean: clean.trim(),
    found: found.map(({ at, numbers }) => ({ at: Math.max(0, at - lead), numbers })),
  };
}

/** Square brackets in `code` are subscripts. */
function insideCode(line: string, at: number): boolean {
  return line.slice(0, at).split('`').length % 2 === 0;
}
