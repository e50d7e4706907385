import { cosine, sumOf, unit, type Vector } from './vectors.ts';

/**
 * How well two groups can be told apart: the share of vectors that stands nearer to its own group's centroid than to the other's,
 * each left out of its own. .5: not at all. The groups are made equally large, so that neither is the safe guess.
 */
export function distinguishable(a: readonly Vector[], b: readonly Vector[]): number {
  const size = Math.min(a.length, b.length);
  const dimensions = a[0]?.length ?? 0;
  if (size === 0) return 0;
  const groups = [a.slice(0, size), b.slice(0, size)] as const;
  const sums = groups.map((vectors) => sumOf(vectors, dimensions)) as [Float32Array, Float32Array];
  let right = 0;
  groups.forEach((vectors, own) => {
    const other = unit(sums[(1 - own) as 0 | 1]);
    for (const vector of vectors) {
      const rest = unit(sums[own as 0 | 1].map((x, i) => x - (vector[i] as number)));
      if (cosine(vector, rest) > cosine(vector, other)) right++;
    }
  });
  return right / (2 * size);
}
