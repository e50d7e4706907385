import type { PiiKind } from './detector.ts';
import { type Finding, findPii } from './find-pii.ts';

export const piiPolicies = ['off', 'mask', 'reject'] as const;
/** What becomes of personal data: it stays, a placeholder takes its place, or a document that has any is refused. */
export type PiiPolicy = (typeof piiPolicies)[number];

/** How many of each kind were found; kinds without any are left out. */
export type PiiCounts = Partial<Record<PiiKind, number>>;

/** What a version says of it: counts by kind, never a value. Under `off` nothing was looked for. */
export interface PiiReport {
  policy: PiiPolicy;
  found: PiiCounts;
}

/** What stands in its place: one index word in every language, e.g. `[PHONE]`. */
export function placeholder(kind: PiiKind): string {
  return `[${kind.toUpperCase()}]`;
}

export interface Masked {
  text: string;
  found: PiiCounts;
  /** Offset in the masked text of an offset in the original; inside of what was masked: the end of its placeholder. */
  moved(offset: number): number;
}

/** Puts a placeholder in the place of every piece of personal data. Masking again changes nothing. */
export function maskText(text: string): Masked {
  return maskFindings(text, [...findPii(text)]);
}

/** The same with what was found already: in order, without overlaps. */
function maskFindings(text: string, findings: readonly Finding[]): Masked {
  if (findings.length === 0) return { text, found: {}, moved: (offset) => offset };
  const parts: string[] = [];
  const ends: number[] = [];
  const found: PiiCounts = {};
  let from = 0;
  let length = 0;
  for (const { kind, start, end } of findings) {
    const part = text.slice(from, start) + placeholder(kind);
    parts.push(part);
    length += part.length;
    ends.push(length);
    found[kind] = (found[kind] ?? 0) + 1;
    from = end;
  }
  parts.push(text.slice(from));
  return { text: parts.join(''), found, moved: (offset) => move(offset, findings, ends) };
}

/** `ends`: where the placeholder of each finding ends in the masked text. */
function move(offset: number, findings: readonly Finding[], ends: readonly number[]): number {
  let from = 0;
  let to = findings.length;
  // The findings that begin before the offset.
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((findings[middle]?.start ?? 0) < offset) from = middle + 1;
    else to = middle;
  }
  const last = findings[from - 1];
  if (last === undefined) return offset;
  return (ends[from - 1] ?? 0) + Math.max(0, offset - last.end);
}

/** `3 email, 1 phone`: for sentences, without a value. */
export function describeCounts(found: PiiCounts): string {
  return Object.entries(found)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}

export function countAll(found: PiiCounts): number {
  return Object.values(found).reduce((sum, count) => sum + count, 0);
}
