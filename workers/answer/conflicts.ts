import { analyze } from '../../src/retrieval/analyze.ts';
import type { CitedSource } from './cited.ts';
import { type Quantity, quantitiesIn } from './quantities.ts';

/** Two cited sources that state different amounts or dates where they otherwise say the same. */
export interface Conflict {
  n: [number, number];
  /** What each has, to the letter. */
  values: [string, string];
}

/** Share of the shorter sentence's words, and of the longer one's, numbers aside, from which two claim the same thing. */
const sameClaim = { shorter: 0.6, longer: 0.4 };
/** Fewer words than these are a heading or a cell of a table, not a claim. */
const fewestWords = 3;

/** A text with its index words. */
export interface Statement {
  text: string;
  words: ReadonlySet<string>;
}

/** Pairs of sources of different documents that contradict each other, by number. */
export function conflictsAmong(sources: readonly CitedSource[]): Conflict[] {
  const said = sources.map(({ n, quote, passage: { documentId } }) => ({
    ...{ n, documentId, text: quote },
    words: new Set(analyze(quote).words),
  }));
  return said.flatMap((a, at) =>
    said.slice(at + 1).flatMap((b): Conflict[] => {
      if (a.documentId === b.documentId) return [];
      const values = contradiction(a, b);
      return values ? [{ n: [a.n, b.n], values }] : [];
    }),
  );
}

/**
 * What two sentences state differently; null unless they are about the same and differ in exactly one kind of quantity.
 * Where two kinds differ (another year and another turnover) each speaks of something else.
 */
export function contradiction(a: Statement, b: Statement): [string, string] | null {
  if (!claimTheSame(a.words, b.words)) return null;
  const [mine, theirs] = [quantitiesIn(a.text), quantitiesIn(b.text)];
  const kinds = new Set(mine.map(({ kind }) => kind).filter((kind) => ofKind(theirs, kind).length > 0));
  const differing = [...kinds].filter((kind) => !agree(ofKind(mine, kind), ofKind(theirs, kind)));
  const [kind] = differing;
  if (kind === undefined || differing.length > 1) return null;
  const shown = (all: readonly Quantity[]) =>
    ofKind(all, kind)
      .map((one) => one.shown)
      .join(', ');
  return [shown(mine), shown(theirs)];
}

function ofKind(all: readonly Quantity[], kind: string): Quantity[] {
  return all.filter((one) => one.kind === kind);
}

/** One amount in common is agreement: the other sentence may only say more. */
function agree(a: readonly Quantity[], b: readonly Quantity[]): boolean {
  return a.some((one) => b.some((other) => (one.kind === 'date' ? sameDate : sameValue)(one, other)));
}

function sameValue(a: Quantity, b: Quantity): boolean {
  return a.value === b.value;
}

/** A date without its day or year agrees with any that has the same of the rest. */
function sameDate(a: Quantity, b: Quantity): boolean {
  const theirs = b.value.split('-');
  return a.value.split('-').every((part, at) => part === '' || theirs[at] === '' || part === theirs[at]);
}

function claimTheSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [mine, theirs] = [withoutNumbers(a), withoutNumbers(b)];
  const [shorter, longer] = [Math.min(mine.length, theirs.length), Math.max(mine.length, theirs.length)];
  if (shorter < fewestWords) return false;
  const common = mine.filter((word) => b.has(word)).length;
  return common >= sameClaim.shorter * shorter && common >= sameClaim.longer * longer;
}

function withoutNumbers(words: ReadonlySet<string>): string[] {
  return [...words].filter((word) => !/\p{N}/u.test(word));
}
