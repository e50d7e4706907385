import type { AnswerPart } from './cited.ts';

export const unsupportedPolicies = ['drop', 'mark'] as const;
/** What becomes of a sentence that no source carries: it is left out, or it stays and its place is told. */
export type UnsupportedPolicy = (typeof unsupportedPolicies)[number];

/**
 * The parts without sentences that have no quote, and how many these were. A line that loses all its sentences goes with
 * its bullet; a heading or lead-in that is left with nothing under it goes too.
 */
export function withoutUnsupported(parts: readonly AnswerPart[]): { parts: AnswerPart[]; left: number } {
  const lines = linesOf(parts);
  let left = 0;
  const kept = lines.flatMap((line): Line[] => {
    const said = line.filter((part) => 'sentence' in part);
    const supported = said.filter(({ quotes }) => quotes.length > 0);
    left += said.length - supported.length;
    if (said.length === 0) return [{ parts: line, speaks: false }];
    if (supported.length === 0) return [];
    const prefix = line.slice(0, line.indexOf(said[0] as AnswerPart));
    return [{ parts: [...prefix, ...joined(supported)], speaks: true }];
  });
  const speaking = kept.filter((line, at) => line.speaks || hasTextUnder(line, kept.slice(at + 1)));
  const first = speaking.findIndex(({ parts: [part] }) => part !== undefined);
  const whole = left === 0 ? lines : speaking.slice(first).map((line) => line.parts);
  return { parts: whole.flatMap((line, at) => (at === 0 ? line : [{ layout: '\n' }, ...line])), left };
}

function linesOf(parts: readonly AnswerPart[]): AnswerPart[][] {
  const lines: AnswerPart[][] = [[]];
  for (const part of parts) {
    if ('layout' in part && part.layout === '\n') lines.push([]);
    else lines.at(-1)?.push(part);
  }
  return lines;
}

function joined(sentences: readonly AnswerPart[]): AnswerPart[] {
  return sentences.flatMap((part, at) => (at === 0 ? [part] : [{ layout: ' ' }, part]));
}

interface Line {
  parts: AnswerPart[];
  /** It has a sentence. */
  speaks: boolean;
}

/** A heading wants a sentence before the next heading, a lead-in one on the next line that is not empty. */
function hasTextUnder(line: Line, below: readonly Line[]): boolean {
  const next = below.filter(({ parts }) => parts.length > 0);
  if (line.parts.length === 0) return next.length > 0;
  if (!isHeading(line)) return next[0]?.speaks === true;
  const end = next.findIndex(isHeading);
  return next.slice(0, end === -1 ? undefined : end).some(({ speaks }) => speaks);
}

function isHeading({ parts: [first] }: Line): boolean {
  return first !== undefined && 'layout' in first && first.layout.startsWith('#');
}
