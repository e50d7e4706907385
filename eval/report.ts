import { comparePaired, type PairedComparison } from '../src/evaluation/compare.ts';
import { type Measured, type MeasureName, measureNames } from './measure.ts';

/** The measure that strategies and runs are compared by. */
export const leading: MeasureName = 'ndcg@10';

export interface StrategyComparison extends PairedComparison {
  first: string;
  second: string;
  measure: MeasureName;
}

/** Every pair of strategies, the better one first. */
export function compareStrategies(measured: ReadonlyMap<string, Measured>): StrategyComparison[] {
  const named = [...measured].sort((a, b) => b[1].scores[leading] - a[1].scores[leading]);
  return named.flatMap(([first, a], i) =>
    named.slice(i + 1).map(([second, b]) => ({
      ...{ first, second, measure: leading },
      ...comparePaired(
        a.perQuery.map((scores) => scores[leading]),
        b.perQuery.map((scores) => scores[leading]),
      ),
    })),
  );
}

export function printScores(title: string, measured: ReadonlyMap<string, Measured>): void {
  const widths = [16, 20, 20, 20, 20, 9, 10];
  console.log(`\n${title}`);
  print(widths, ['strategy', ...measureNames, 'queries', 'ms/query']);
  for (const [strategy, { scores }] of measured) {
    const cells = measureNames.map(
      (name) => `${scores[name].toFixed(3)} ${range(scores[`${name}_interval`])}`,
    );
    print(widths, [strategy, ...cells, String(scores.queries), scores.ms_per_query.toFixed(0)]);
  }
}

export function printComparisons(comparisons: readonly StrategyComparison[]): void {
  if (comparisons.length === 0) return;
  console.log(`\n${leading}, paired: difference [95 %], randomisation test`);
  for (const { first, second, ...rest } of comparisons)
    console.log(`${`${first} − ${second}`.padEnd(24)}${difference(rest)}`);
}

export function printAgainst(
  path: string,
  compared: Record<string, Record<MeasureName, PairedComparison>>,
): void {
  console.log(`\nagainst ${path}: this − that [95 %]`);
  for (const [strategy, byMeasure] of Object.entries(compared)) {
    for (const [name, comparison] of Object.entries(byMeasure))
      console.log(`${`${strategy} ${name}`.padEnd(24)}${difference(comparison)}`);
  }
}

function difference({ difference: value, interval, p, queries }: PairedComparison): string {
  const sign = value >= 0 ? '+' : '';
  return `${sign}${value.toFixed(4)} ${range(interval, 4)}  p ${p.toFixed(4)}  ${queries} queries`;
}

function range([low, high]: [number, number], digits = 3): string {
  return `[${low.toFixed(digits)} ${high.toFixed(digits)}]`;
}

function print(widths: readonly number[], cells: readonly string[]): void {
  console.log(
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(''),
  );
}
