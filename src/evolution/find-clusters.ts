import { centroidOf, cosine, type Vector } from './vectors.ts';

export interface Cluster {
  /** Positions of its vectors. */
  members: number[];
  centroid: Vector;
  /** Mean cosine of its vectors with its centroid. */
  cohesion: number;
}

export interface ClusterOptions {
  /** Cosine from which two are neighbours. */
  alike: number;
  fewest: number;
  most: number;
}

/** Groups of vectors that are neighbours of one in their midst, the largest first; each is in one at most. */
export function findClusters(vectors: readonly Vector[], { alike, fewest, most }: ClusterOptions): Cluster[] {
  const free = new Set(vectors.keys());
  const neighbours = vectors.map((vector) =>
    [...vectors.keys()].filter((other) => cosine(vector, vectors[other] as Vector) >= alike),
  );
  const clusters: Cluster[] = [];
  while (clusters.length < most) {
    let members: number[] = [];
    for (const i of free) {
      const left = (neighbours[i] as number[]).filter((other) => free.has(other));
      if (left.length > members.length) members = left;
    }
    if (members.length < fewest) break;
    const centroid = centroidOf(members.map((i) => vectors[i] as Vector));
    const like = members.reduce((sum, i) => sum + cosine(vectors[i] as Vector, centroid), 0);
    clusters.push({ members, centroid, cohesion: like / members.length });
    for (const i of members) free.delete(i);
  }
  return clusters;
}

const perGroup = 20;

/**
 * The cosine that only a twentieth of pairs from two different groups reach, for the median of the groups' pairs: what is no
 * coincidence, though some groups be about the same. Undefined with a single group.
 */
export function alikeByChance(groups: readonly (readonly Vector[])[]): number | undefined {
  const reached = groups.flatMap((vectors, g) =>
    groups.slice(g + 1).map((other) => {
      const found = vectors
        .slice(0, perGroup)
        .flatMap((a) => other.slice(0, perGroup).map((b) => cosine(a, b)));
      return quantile(found, 0.95);
    }),
  );
  return reached.length === 0 ? undefined : quantile(reached, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
