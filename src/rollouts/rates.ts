import { crossing, logBeta } from './special.ts';

/** How many of `n` answers something is true of. */
export interface Count {
  k: number;
  n: number;
}

/** An interval that holds at all times at once, however often it is looked at. Each side errs with probability alpha. */
export interface Bounds {
  lower: number;
  upper: number;
}

/**
 * Evidence by universal inference: the likelihood under a mixture of alternatives, fixed beforehand, over the greatest
 * likelihood that the null hypothesis allows. For whatever is true within the null hypothesis that is at most a
 * nonnegative martingale, so it exceeds 1/alpha at any time, ever, with probability alpha at most: looking again and again costs
 * nothing, and it does not matter how many come to each arm. Wasserman, Ramdas & Balakrishnan, Universal inference (PNAS 2020);
 * the mixture is that of Krichevsky & Trofimov (1981), Beta(½, ½).
 */
function mixture({ k, n }: Count): number {
  return logBeta(k + 0.5, n - k + 0.5) - Math.log(Math.PI);
}

function logLikelihood({ k, n }: Count, rate: number): number {
  return times(k, Math.log(rate)) + times(n - k, Math.log1p(-rate));
}

/** 0 · −∞ is 0 here: what did not happen says nothing. */
const times = (count: number, log: number): number => (count === 0 ? 0 : count * log);

/** Natural logarithm of the evidence that the rate is above `limit`. */
export function evidenceAbove(count: Count, limit: number): number {
  if (count.n === 0 || limit >= 1) return 0;
  return mixture(count) - logLikelihood(count, Math.max(0, Math.min(count.k / count.n, limit)));
}

/** Bounds of a rate, 0…1. */
export function rateBounds(count: Count, alpha: number): Bounds {
  if (count.n === 0) return { lower: 0, upper: 1 };
  const below = (one: Count) =>
    crossing((limit) => evidenceAbove(one, limit) + Math.log(alpha), 0, one.k / one.n);
  const opposite = { k: count.n - count.k, n: count.n };
  return { lower: below(count), upper: 1 - below(opposite) };
}

/** Natural logarithm of the evidence that the first rate is more than `margin` above the second one. */
export function evidenceOfDifference(first: Count, second: Count, margin: number): number {
  if (first.n === 0 || second.n === 0) return 0;
  return mixture(first) + mixture(second) - greatest(first, second, margin);
}

/** Bounds of first − second, −1…1. */
export function differenceBounds(first: Count, second: Count, alpha: number): Bounds {
  if (first.n === 0 || second.n === 0) return { lower: -1, upper: 1 };
  const below = (a: Count, b: Count) =>
    crossing((margin) => evidenceOfDifference(a, b, margin) + Math.log(alpha), -1, a.k / a.n - b.k / b.n);
  return { lower: below(first, second), upper: -below(second, first) };
}

/** The greatest log-likelihood of both counts among rates of which the first is at most `margin` above the second. */
function greatest(first: Count, second: Count, margin: number): number {
  const [p, q] = [first.k / first.n, second.k / second.n];
  if (p - q <= margin) return logLikelihood(first, p) + logLikelihood(second, q);
  // It is concave, so the greatest lies on the border, where it has one top.
  const at = (rate: number) => logLikelihood(first, rate + margin) + logLikelihood(second, rate);
  let [low, high] = [Math.max(0, -margin), Math.min(1, 1 - margin)];
  for (let step = 0; step < 60; step++) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
    if (at(left) < at(right)) low = left;
    else high = right;
  }
  return at((low + high) / 2);
}
