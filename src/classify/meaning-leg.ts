import type { Item } from './item.ts';
import { addOuter, cholesky, type Matrix, solve, zeros } from './linear.ts';

/** An item that is learned from, with how much it belongs to each class (sum 1) and how much it counts. */
export interface Taught {
  item: Item;
  shares: Float64Array;
  weight: number;
}

/** Scores of a text for each class. */
export type Leg = (item: Item) => Float64Array;

/** Strength of the ridge, relative to the mean square of a dimension. */
const ridge = 0.5;

/** The left side of ridge regression on vectors; it depends on items and weights alone, however often the shares change. */
export interface LeftSide {
  matrix: Matrix;
  total: number;
}

export function leftSide(dimensions: number): LeftSide {
  return { matrix: zeros(dimensions, dimensions), total: 0 };
}

/** Adds items, or with a negative sign takes them out again: those of a fold of cross-validation. */
export function addItems(left: LeftSide, taught: readonly Omit<Taught, 'shares'>[], sign = 1): void {
  for (const { item, weight } of taught) {
    if (!item.vector || item.readable === 0) continue;
    addOuter(left.matrix, item.vector, sign * weight * item.readable);
    left.total += sign * weight * item.readable;
  }
}

/** null where there is nothing that can be read. */
export function factorOf({ matrix, total }: LeftSide): Matrix | null {
  const { rows } = matrix;
  if (rows === 0 || total <= 1e-9) return null;
  const regularised = { ...matrix, values: matrix.values.slice() };
  for (let i = 0; i < rows; i++)
    regularised.values[i * rows + i] = (regularised.values[i * rows + i] as number) + (ridge * total) / rows;
  return cholesky(regularised);
}

/**
 * Regularised least squares on embeddings (Rifkin, Yeo & Poggio 2003): as good here as logistic regression, and solved in one
 * step. A score is about the share of the class, times how far the text can be read.
 */
export function meaningLeg(factor: Matrix | null, taught: readonly Taught[], classes: number): Leg {
  if (!factor) return () => new Float64Array(classes);
  const right = zeros(factor.rows, classes);
  for (const { item, shares, weight } of taught) {
    if (!item.vector || item.readable === 0) continue;
    for (let k = 0; k < classes; k++) {
      const amount = weight * item.readable * (shares[k] as number);
      if (amount < 1e-4) continue;
      for (let i = 0; i < item.vector.length; i++)
        right.values[i * classes + k] =
          (right.values[i * classes + k] as number) + amount * (item.vector[i] as number);
    }
  }
  const { values } = solve(factor, right);
  return (item) => multiply(values, item, classes);
}

function multiply(weights: Float64Array, { vector, readable }: Item, classes: number): Float64Array {
  const scores = new Float64Array(classes);
  if (!vector || readable === 0) return scores;
  for (let i = 0; i < vector.length; i++) {
    const x = (vector[i] as number) * readable;
    for (let k = 0; k < classes; k++)
      scores[k] = (scores[k] as number) + x * (weights[i * classes + k] as number);
  }
  return scores;
}

/** Cosine with the mean vector of what is taught of each class, times readability: needs no more than one item a class. */
export function centroidLeg(taught: readonly Taught[], classes: number): Leg {
  const dimensions = taught.find(({ item }) => item.vector)?.item.vector?.length ?? 0;
  const centroids = Array.from({ length: classes }, () => new Float64Array(dimensions));
  for (const { item, shares, weight } of taught) {
    if (!item.vector) continue;
    for (const [k, centroid] of centroids.entries()) {
      const amount = weight * item.readable * (shares[k] as number);
      if (amount === 0) continue;
      for (let i = 0; i < dimensions; i++)
        centroid[i] = (centroid[i] as number) + amount * (item.vector[i] as number);
    }
  }
  const values = new Float64Array(dimensions * classes);
  for (const [k, centroid] of centroids.entries()) {
    const length = Math.hypot(...centroid) || 1;
    for (let i = 0; i < dimensions; i++) values[i * classes + k] = (centroid[i] as number) / length;
  }
  return (item) => multiply(values, item, classes);
}
