/** Vectors of length 1 (or of zeros): the dot product of two is their cosine. */
export type Vector = Float32Array;

export function cosine(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

export function sumOf(vectors: readonly Vector[], size: number): Float32Array {
  const sum = new Float32Array(size);
  for (const vector of vectors)
    for (let i = 0; i < size; i++) sum[i] = (sum[i] as number) + (vector[i] as number);
  return sum;
}

export function centroidOf(vectors: readonly Vector[], size = vectors[0]?.length ?? 0): Vector {
  return unit(sumOf(vectors, size));
}

/** Of length 1; zeros stay zeros. */
export function unit(vector: Float32Array): Vector {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return length === 0 ? vector : vector.map((x) => x / length);
}
