import { type Cells, cellOf } from './cells.ts';
import type { Added, Base } from './effects.ts';
import { featureCount } from './features.ts';
import { type Matrix, times } from './matrix.ts';
import { actions } from './policy.ts';

/** Joint normal belief in the rewards of the six actions in one state. */
export interface Belief {
  means: Float64Array;
  /** Six times six. */
  covariances: Matrix;
}

/**
 * Given the base, the reward of an action is φ·(base + its mean − covariance · information · base)
 * = c·base + φ·mean, where c = precision · covariance · φ.
 */
export function linearBelief(
  active: readonly number[],
  base: Base,
  added: readonly (Added | undefined)[],
): Belief {
  const means = new Float64Array(actions.length);
  const covariances = new Float64Array(actions.length ** 2);
  const reach = added.map((of) => reachOf(active, of));
  const spread = reach.map((coefficients) => times(base.covariance, coefficients));
  for (const [a, of] of added.entries()) {
    means[a] = dot(reach[a] as Float64Array, base.mean) + (of ? sumAt(of.mean, active) : 0);
    for (let b = 0; b < actions.length; b++)
      covariances[a * actions.length + b] = dot(spread[a] as Float64Array, reach[b] as Float64Array);
    if (of) {
      const at = a * (actions.length + 1);
      covariances[at] =
        (covariances[at] as number) + active.reduce((sum, i) => sum + rowSum(of.covariance, i, active), 0);
    }
  }
  return { means, covariances };
}

function reachOf(active: readonly number[], of: Added | undefined): Float64Array {
  return Float64Array.from({ length: featureCount }, (_, i) =>
    of ? (of.precision[i] as number) * rowSum(of.covariance, i, active) : active.includes(i) ? 1 : 0,
  );
}

function rowSum(matrix: Matrix, row: number, columns: readonly number[]): number {
  let sum = 0;
  for (const column of columns) sum += matrix[row * featureCount + column] as number;
  return sum;
}

function sumAt(values: Float64Array, indices: readonly number[]): number {
  let sum = 0;
  for (const i of indices) sum += values[i] as number;
  return sum;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** What the cell itself says beyond its levels: its mean counts for own / (own + noise / n). */
export function withOwn(linear: Belief, cells: Cells, state: number, noise: number, own: number): Belief {
  const size = actions.length;
  const trust = actions.map((_, action) => {
    const count = cells.count(cellOf(state, action));
    return (count * own) / (noise + count * own);
  });
  const rest = (action: number) => 1 - (trust[action] as number);
  return {
    means: linear.means.map(
      (mean, action) => rest(action) * mean + (trust[action] as number) * cells.mean(cellOf(state, action)),
    ),
    covariances: linear.covariances.map((value, at) => {
      const [a, b] = [Math.floor(at / size), at % size];
      return rest(a) * rest(b) * value + (a === b ? own * rest(a) : 0);
    }),
  };
}
