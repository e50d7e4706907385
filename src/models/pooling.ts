export interface ModelOutput {
  data: Float32Array;
  /** [texts, dimensions], or [texts, tokens, dimensions] before pooling. */
  dims: readonly number[];
}

/**
 * One L2-normalised vector a text. `counts` are the tokens of each text, padding on the right; the mean is taken over
 * them alone (Reimers & Gurevych 2019, Sentence-BERT, section 3). Output that is pooled already is only normalised.
 */
export function pool({ data, dims }: ModelOutput, counts: number[], pooling: 'mean' | 'cls'): Float32Array[] {
  const dimensions = dims.at(-1) ?? 0;
  const rows = dims.length === 3 ? (dims[1] ?? 0) : 1;
  return counts.map((count, text) => {
    const tokens = dims.length === 3 && pooling === 'mean' ? count : 1;
    const sum = new Float32Array(dimensions);
    for (let token = 0; token < tokens; token++) {
      const at = (text * rows + token) * dimensions;
      for (let d = 0; d < dimensions; d++) sum[d] = (sum[d] ?? 0) + (data[at + d] ?? 0);
    }
    return normalise(sum);
  });
}

/** The vector at length 1 (L2); a zero vector stays as it is. Works in place. */
export function normalise(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  if (length > 0) for (let d = 0; d < vector.length; d++) vector[d] = (vector[d] ?? 0) / length;
  return vector;
}
