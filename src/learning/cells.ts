import { z } from 'zod';
import { actionIndex, actions, type Experience, stateCount, stateIndex } from './policy.ts';

/** Parts of a reward that are told apart: whole numbers of them add up to the same sum in every order. */
const unit = 1e-4;
/** A reward is 0…1; what lies far outside is held here, so that no experience counts for many. */
const lowest = -1;
const highest = 2;

const cellSchema = z.tuple([
  z
    .int()
    .min(0)
    .max(stateCount * actions.length - 1),
  z.int().min(1),
  z.int(),
  z.int().min(0),
]);
/** Cell, experiences, sum of rewards in units, sum of their squares; only cells with experiences. */
export const cellsSchema = z.array(cellSchema).max(stateCount * actions.length);
export type CellsSnapshot = z.infer<typeof cellsSchema>;

/**
 * Number, sum and squares of rewards by state and action: all that a policy without memory of order needs. Adding is exact
 * and commutes, so workers may learn batches in any order; a late reward replaces the earlier one as if it had always been.
 */
export interface Cells {
  /** How many experiences. */
  total(): number;
  add(batch: readonly Experience[]): void;
  count(cell: number): number;
  /** Mean reward of a cell; 0 where it has none. */
  mean(cell: number): number;
  /** Variance of rewards within cells, with as many values of the prior variance as `weight` says. */
  noise(prior: number, weight: number): number;
  toJSON(): CellsSnapshot;
}

/** Cell of a state and an action, both by index. */
export function cellOf(state: number, action: number): number {
  return state * actions.length + action;
}

export function createCells(snapshot: CellsSnapshot = []): Cells {
  const counts = new Float64Array(stateCount * actions.length);
  const sums = new Float64Array(counts.length);
  const squares = new Float64Array(counts.length);
  let total = 0;
  for (const [cell, count, sum, square] of snapshot) {
    counts[cell] = count;
    sums[cell] = sum;
    squares[cell] = square;
    total += count;
  }
  const at = (values: Float64Array, cell: number) => values[cell] as number;
  const addOne = ({ state, action, reward, replaces }: Experience) => {
    const cell = cellOf(stateIndex(state), actionIndex(action));
    const now = inUnits(reward);
    const before = replaces === undefined ? 0 : inUnits(replaces);
    const added = replaces === undefined ? 1 : 0;
    counts[cell] = at(counts, cell) + added;
    sums[cell] = at(sums, cell) + now - before;
    squares[cell] = at(squares, cell) + now * now - before * before;
    total += added;
  };
  return {
    total: () => total,
    add(batch) {
      checkRewards(batch);
      for (const experience of batch) addOne(experience);
    },
    count: (cell) => at(counts, cell),
    mean: (cell) => (at(counts, cell) === 0 ? 0 : (at(sums, cell) * unit) / at(counts, cell)),
    noise: (prior, weight) => noiseOf({ counts, sums, squares }, prior, weight),
    toJSON: () =>
      [...counts.keys()]
        .filter((cell) => at(counts, cell) > 0)
        .map((cell) => [cell, at(counts, cell), at(sums, cell), at(squares, cell)]),
  };
}

/** All or nothing: a batch with a reward that is not a number must not be half learned. */
export function checkRewards(batch: readonly Experience[]): void {
  for (const { reward, replaces } of batch)
    if (!Number.isFinite(reward) || !Number.isFinite(replaces ?? 0))
      throw new RangeError(`A reward has to be a number from 0 to 1, not ${reward} (replacing ${replaces}).`);
}

/** A reward within the bounds of what one experience may say. */
export function boundReward(reward: number): number {
  return Math.min(highest, Math.max(lowest, reward));
}

function inUnits(reward: number): number {
  return Math.round(boundReward(reward) / unit);
}

type Columns = Record<'counts' | 'sums' | 'squares', Float64Array>;

function noiseOf({ counts, sums, squares }: Columns, prior: number, weight: number): number {
  let spread = 0;
  let freedom = 0;
  for (let cell = 0; cell < counts.length; cell++) {
    const count = counts[cell] as number;
    if (count < 2) continue;
    const sum = sums[cell] as number;
    spread += (squares[cell] as number) - (sum * sum) / count;
    freedom += count - 1;
  }
  return (weight * prior + spread * unit * unit) / (weight + freedom);
}
