import { bootstrap, mean } from './measures.ts';
import { seededRandom } from './random.ts';

/** How the values of one system differ from another's on the same queries. */
export interface PairedComparison {
  /** Mean of first − second. */
  difference: number;
  /** 95 % bootstrap percentile interval of it. */
  interval: [number, number];
  /** Two-sided p-value of a paired randomisation test: how often chance alone makes a difference at least as large. */
  p: number;
  queries: number;
}

const rounding = 1e-12;

/**
 * Compares two systems query by query; `first[i]` and `second[i]` belong to one query. Under the null hypothesis the
 * labels of a pair can be exchanged, so the sign of each difference is drawn anew `rounds` times.
 * Smucker, Allan & Carterette, A Comparison of Statistical Significance Tests for IR Evaluation (CIKM 2007).
 * Throws RangeError when the lists differ in length.
 */
export function comparePaired(
  first: readonly number[],
  second: readonly number[],
  { rounds = 10_000, seed = 1 } = {},
): PairedComparison {
  if (first.length !== second.length)
    throw new RangeError(`Paired values need the same queries: ${first.length} and ${second.length}.`);
  const differences = first.map((value, i) => value - (second[i] as number));
  const difference = mean(differences);
  return {
    difference,
    interval: bootstrap(differences, rounds, seed),
    p: randomisation(differences, rounds, seed),
    queries: differences.length,
  };
}

function randomisation(differences: readonly number[], rounds: number, seed: number): number {
  // Ties are the same under either label.
  const nonzero = differences.filter((value) => value !== 0);
  const observed = Math.abs(nonzero.reduce((sum, value) => sum + value, 0));
  const random = seededRandom(seed);
  let asLarge = 0;
  for (let round = 0; round < rounds; round++) {
    let sum = 0;
    for (const value of nonzero) sum += random() < 0.5 ? value : -value;
    if (Math.abs(sum) >= observed - rounding) asLarge++;
  }
  // The labels as they were are one of the possible draws.
  return (asLarge + 1) / (rounds + 1);
}
