import { centroidOf, cosine, type Vector } from './vectors.ts';

export type Centroids = readonly [Vector, Vector];

export interface TwoMeans {
  centroids: Centroids;
  /** 0 or 1, a vector each. */
  labels: number[];
}

const mostRounds = 25;
const starts = 6;

/**
 * Spherical 2-means (Dhillon & Modha 2001): the best of six starts, each with another vector and the one least like it; so the
 * same vectors give the same parts.
 */
export function twoMeans(vectors: readonly Vector[]): TwoMeans {
  const whole = centroidOf(vectors);
  let best: (TwoMeans & { fit: number }) | undefined;
  for (let start = 0; start < starts; start++) {
    const first =
      start === 0 ? leastLike(vectors, whole) : (vectors[(start * 7919) % vectors.length] as Vector);
    const found = settle(vectors, [first, leastLike(vectors, first)]);
    if (!best || found.fit > best.fit) best = found;
  }
  return best as TwoMeans;
}

function settle(vectors: readonly Vector[], begin: Centroids): TwoMeans & { fit: number } {
  let centroids = begin;
  let labels = vectors.map((vector) => nearest(vector, centroids));
  for (let round = 0; round < mostRounds; round++) {
    const parts = [0, 1].map((label) => vectors.filter((_, i) => labels[i] === label));
    if (parts.some((part) => part.length === 0)) break;
    centroids = parts.map((part) => centroidOf(part)) as unknown as Centroids;
    const next = vectors.map((vector) => nearest(vector, centroids));
    if (next.every((label, i) => label === labels[i])) break;
    labels = next;
  }
  const fit = vectors.reduce((sum, vector, i) => sum + cosine(vector, centroids[labels[i] as 0 | 1]), 0);
  return { centroids, labels, fit };
}

export function nearest(vector: Vector, [zero, one]: Centroids): 0 | 1 {
  return cosine(vector, one) > cosine(vector, zero) ? 1 : 0;
}

function leastLike(vectors: readonly Vector[], other: Vector): Vector {
  return vectors.reduce((least, vector) => (cosine(vector, other) < cosine(least, other) ? vector : least));
}

const halvings = 5;

/**
 * Whether two parts are there or were only made, 0…1: how far the parts of one half of the vectors are found again by those of
 * the other half; the mean of five halvings. Tibshirani & Walther, Cluster Validation by Prediction Strength (2005), who take
 * parts for real from .8 on.
 */
export function predictionStrength(vectors: readonly Vector[]): number {
  let sum = 0;
  for (let halving = 0; halving < halvings; halving++) {
    // By a hash of the position, so that no order of the vectors decides.
    const side = (i: number) => ((Math.imul(i + 1, 2654435761) + halving * 40503) >>> (7 + halving)) & 1;
    const half = (wanted: number) => vectors.filter((_, i) => side(i) === wanted);
    sum += strengthOf(half(0), half(1));
  }
  return sum / halvings;
}

function strengthOf(train: readonly Vector[], test: readonly Vector[]): number {
  if (train.length < 2 || test.length < 2) return 0;
  const { centroids } = twoMeans(train);
  const { labels } = twoMeans(test);
  const strengths = [0, 1].map((label) => {
    const foreign = test.filter((_, i) => labels[i] === label).map((vector) => nearest(vector, centroids));
    const ones = foreign.filter((one) => one === 1).length;
    const pairs = (n: number) => (n * (n - 1)) / 2;
    const zeros = foreign.length - ones;
    return foreign.length < 2 ? 0 : (pairs(ones) + pairs(zeros)) / pairs(foreign.length);
  });
  return Math.min(...strengths);
}
