import { comparePaired, type PairedComparison } from '../src/evaluation/compare.ts';
import { mean } from '../src/evaluation/measures.ts';
import type { EvalQuery } from './dataset.ts';
import type { Place } from './join.ts';
import type { FoundPassage } from './service.ts';

/** How what was found is put together before it is read, as fields of a search request. */
export const readings = {
  plain: {},
  merged: { merge_neighbours: true },
  neighbours: { expand: 'neighbours' },
  section: { expand: 'section' },
  'merged+neighbours': { merge_neighbours: true, expand: 'neighbours' },
  'merged+section': { merge_neighbours: true, expand: 'section' },
} as const;
export type ReadingName = keyof typeof readings;

export const readingMeasures = ['gold', 'covered', 'characters'] as const;
/**
 * Of the first passages together. `gold`: 1 when any of the question's answers stands in one of them, or the share of its
 * facts that do. `covered`: share of the judged passages' characters that are in them. `characters`: how long they are.
 */
export type Read = Record<(typeof readingMeasures)[number], number>;

/** @param places of judged passages in longer documents; without any, `covered` asks for the whole document */
export function readFound(
  { gold }: EvalQuery,
  found: readonly FoundPassage[],
  judged: readonly Place[],
): Read {
  const held = gold.strings.filter((string) => found.some(({ text }) => text.includes(string))).length;
  const all = judged.reduce((sum, { start, end }) => sum + end - start, 0);
  const seen = judged.reduce((sum, place) => sum + charactersOf(place, found), 0);
  return {
    gold: gold.strings.length === 0 ? 0 : gold.each ? held / gold.strings.length : Math.min(1, held),
    covered: all === 0 ? 0 : seen / all,
    characters: found.reduce((sum, { text }) => sum + text.length, 0),
  };
}

/** Characters of the place that stand in any of the passages, each counted once. */
function charactersOf({ document, start, end }: Place, found: readonly FoundPassage[]): number {
  const ranges = found
    .filter((passage) => passage.document === document)
    .map(({ range }): [number, number] => [Math.max(start, range[0]), Math.min(end, range[1])])
    .sort((a, b) => a[0] - b[0]);
  let seen = 0;
  let from = start;
  for (const [first, last] of ranges) {
    seen += Math.max(0, last - Math.max(first, from));
    from = Math.max(from, last);
  }
  return seen;
}

export interface ReadingResult extends Read {
  reading: ReadingName;
  /** Against the first reading of the same strategy. */
  difference?: Record<'gold' | 'covered', PairedComparison>;
}

export function summariseReadings(read: ReadonlyMap<ReadingName, readonly Read[]>): ReadingResult[] {
  const [base] = read.values();
  return [...read].map(([reading, values], i) => {
    const of = (measure: keyof Read, list = values) => list.map((one) => one[measure]);
    const means = {
      gold: mean(of('gold')),
      covered: mean(of('covered')),
      characters: mean(of('characters')),
    };
    if (i === 0 || base === undefined) return { reading, ...means };
    const against = (measure: 'gold' | 'covered') => comparePaired(of(measure), of(measure, base));
    return { reading, ...means, difference: { gold: against('gold'), covered: against('covered') } };
  });
}

export function printReadings(strategy: string, passages: number, results: readonly ReadingResult[]): void {
  console.log(`\n${strategy}, what ${passages} passages say [95 % of the difference from the first line]`);
  for (const { reading, gold, covered, characters, difference } of results) {
    const interval = (measure: 'gold' | 'covered') => {
      const found = difference?.[measure].interval;
      return found ? `[${found.map((value) => value.toFixed(3)).join(' ')}]` : '';
    };
    console.log(
      `${reading.padEnd(20)}gold ${gold.toFixed(3)} ${interval('gold').padEnd(16)} covered ${covered.toFixed(3)} ${interval('covered').padEnd(16)} characters ${characters.toFixed(0)}`,
    );
  }
}
