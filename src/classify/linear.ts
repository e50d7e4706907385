/** A matrix in one array, row by row. */
export interface Matrix {
  rows: number;
  columns: number;
  values: Float64Array;
}

export function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, values: new Float64Array(rows * columns) };
}

/** Adds `weight` times the outer product of a vector with itself to the lower triangle. */
export function addOuter({ columns, values }: Matrix, vector: Float32Array, weight: number): void {
  for (let i = 0; i < vector.length; i++) {
    const scaled = weight * (vector[i] as number);
    const row = i * columns;
    for (let j = 0; j <= i; j++)
      values[row + j] = (values[row + j] as number) + scaled * (vector[j] as number);
  }
}

/**
 * The lower Cholesky factor of a symmetric positive definite matrix, of which only the lower triangle is read
 * (Golub & Van Loan, Matrix Computations, 4.2).
 */
export function cholesky({ rows: n, values }: Matrix): Matrix {
  const factor = zeros(n, n);
  const l = factor.values;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = values[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (l[i * n + k] as number) * (l[j * n + k] as number);
      l[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / (l[j * n + j] as number);
    }
  }
  return factor;
}

/** Solves (L Lᵀ) X = B in place, for B with a column a right-hand side. */
export function solve({ rows: n, values: l }: Matrix, b: Matrix): Matrix {
  const { columns: m, values: x } = b;
  const subtract = (i: number, k: number, factor: number) => {
    for (let c = 0; c < m; c++) x[i * m + c] = (x[i * m + c] as number) - factor * (x[k * m + c] as number);
  };
  const divide = (i: number) => {
    for (let c = 0; c < m; c++) x[i * m + c] = (x[i * m + c] as number) / (l[i * n + i] as number);
  };
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtract(i, k, l[i * n + k] as number);
    divide(i);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) subtract(i, k, l[k * n + i] as number);
    divide(i);
  }
  return b;
}

/** exp(x − max) over its sum, in place; returns what it was given. */
export function softmax(scores: Float64Array): Float64Array {
  let most = -Infinity;
  for (const score of scores) most = Math.max(most, score);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const value = Math.exp((scores[i] as number) - most);
    scores[i] = value;
    sum += value;
  }
  for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] as number) / sum;
  return scores;
}
