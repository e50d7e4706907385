/** Square matrices in rows, one after the other; small ones, for which loops are faster than any library. */
export type Matrix = Float64Array;

/** The diagonal as a matrix. */
export function diagonal(values: ArrayLike<number>): Matrix {
  const matrix = new Float64Array(values.length * values.length);
  for (let i = 0; i < values.length; i++) matrix[i * values.length + i] = values[i] as number;
  return matrix;
}

/**
 * Lower triangle L with L·Lᵀ = the given symmetric matrix (Cholesky). A pivot below `least` becomes `least`: a variance that
 * rounding took below 0 is one of nearly 0.
 */
export function cholesky(matrix: Matrix, size: number, least = 1e-18): Matrix {
  const lower = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j] as number;
      for (let k = 0; k < j; k++) sum -= (lower[i * size + k] as number) * (lower[j * size + k] as number);
      lower[i * size + j] = i === j ? Math.sqrt(Math.max(sum, least)) : sum / (lower[j * size + j] as number);
    }
  return lower;
}

/** The inverse of a symmetric, positive definite matrix. */
export function invert(matrix: Matrix, size: number): Matrix {
  const lower = cholesky(matrix, size);
  const half = new Float64Array(size * size);
  for (let column = 0; column < size; column++)
    for (let i = column; i < size; i++) {
      let sum = i === column ? 1 : 0;
      for (let k = column; k < i; k++)
        sum -= (lower[i * size + k] as number) * (half[k * size + column] as number);
      half[i * size + column] = sum / (lower[i * size + i] as number);
    }
  return transposedTimes(half, size);
}

/** Lᵀ·L of a lower triangle. */
function transposedTimes(lower: Matrix, size: number): Matrix {
  const product = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = i; k < size; k++) sum += (lower[k * size + i] as number) * (lower[k * size + j] as number);
      product[i * size + j] = sum;
      product[j * size + i] = sum;
    }
  return product;
}

export function times(matrix: Matrix, vector: ArrayLike<number>): Float64Array {
  const size = vector.length;
  const product = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += (matrix[i * size + j] as number) * (vector[j] as number);
    product[i] = sum;
  }
  return product;
}
