import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { comparePaired, type PairedComparison } from '../src/evaluation/compare.ts';
import { type Measured, type MeasureName, measureNames } from './measure.ts';

const values = z.object(
  Object.fromEntries(measureNames.map((name) => [name, z.number()])) as Record<MeasureName, z.ZodNumber>,
);
const baseline = z.object({
  dataset: z.string(),
  split: z.string().nullable(),
  judged_prefix: z.string().nullable(),
  embedding: z.string(),
  strategies: z.record(z.string(), z.record(z.string(), values)),
});

/** A run to be compared with later ones: its measures by strategy and query. */
export type Baseline = z.output<typeof baseline>;
/** What was measured: two runs are comparable where these are the same. */
export type RunOf = Pick<Baseline, 'dataset' | 'split' | 'judged_prefix' | 'embedding'>;

export async function writeBaseline(
  path: string,
  run: RunOf,
  measured: ReadonlyMap<string, Measured>,
): Promise<void> {
  const strategies = [...measured].map(([name, { perQuery }]) => [
    name,
    Object.fromEntries(perQuery.map(({ query, ranked: _, ...scores }) => [query, scores])),
  ]);
  await writeFile(path, `${JSON.stringify({ ...run, strategies: Object.fromEntries(strategies) })}\n`);
}

export async function readBaseline(path: string): Promise<Baseline> {
  return baseline.parse(JSON.parse(await readFile(path, 'utf8')));
}

/** Where the new run is significantly worse: the whole interval of the difference lies below zero. */
export function isWorse({ interval }: PairedComparison): boolean {
  return interval[1] < 0;
}

/**
 * This run against an earlier one, by strategy and measure: differences of this − earlier over the queries both have.
 * Throws when the runs are of different judgements or share no strategy or query. Another embedding model is allowed:
 * that is a change one wants to compare.
 */
export function compareWith(
  earlier: Baseline,
  run: RunOf,
  measured: ReadonlyMap<string, Measured>,
): Record<string, Record<MeasureName, PairedComparison>> {
  for (const key of ['dataset', 'split', 'judged_prefix'] as const) {
    if (earlier[key] !== run[key])
      throw new Error(`--against: that run has ${key} ${earlier[key]}, this one ${run[key]}`);
  }
  const compared = [...measured].flatMap(([name, { perQuery }]) => {
    const before = earlier.strategies[name];
    const both = before ? perQuery.filter(({ query }) => before[query] !== undefined) : [];
    if (!before || both.length === 0) return [];
    const byMeasure = measureNames.map((measure) => [
      measure,
      comparePaired(
        both.map((scores) => scores[measure]),
        both.map(({ query }) => before[query]?.[measure] as number),
      ),
    ]);
    return [[name, Object.fromEntries(byMeasure)]];
  });
  if (compared.length === 0) throw new Error('--against: that run has no strategy and query in common');
  return Object.fromEntries(compared);
}
