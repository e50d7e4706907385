import type { Bounds } from './rates.ts';

/** What is kept of many values: enough for mean and variance. */
export interface Sums {
  n: number;
  sum: number;
  /** Of their squares. */
  squares: number;
}

/** The smaller arm has so many when the bounds are tightest: a bad arm is to be noticed by then. */
const tunedTo = 100;
/** Fewer in an arm, and nothing is said: the bounds below hold for many. */
export const fewest = 30;

export const meanOf = ({ n, sum }: Sums): number => (n === 0 ? Number.NaN : sum / n);

/**
 * `bounded`: values of 0…1, of which two more are assumed, one at each end: a few equal ones do not show that all are.
 */
function varianceOf({ n, sum, squares }: Sums, bounded: boolean): number {
  const more = bounded ? 1 : 0;
  const [count, total, all] = [n + 2 * more, sum + more, squares + more];
  if (count < 2) return 0;
  return Math.max(0, (all - (total * total) / count) / (count - 1));
}

const squaredRho = (alpha: number): number =>
  (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha)) + 1) / tunedTo;

/**
 * Standard errors from the mean that a one-sided bound holds at every time at once, after n values: Robbins' normal mixture, as
 * an asymptotic confidence sequence. Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, Time-uniform central limit theory and
 * asymptotic confidence sequences (Annals of Statistics 2024), one-sided form; its rho for the tightest bound at a chosen n.
 * Howard, Ramdas, McAuliffe & Sekhon (Annals of Statistics 2021) have the boundary.
 */
export function standardErrors(n: number, alpha: number, designed = alpha): number {
  const t = n * squaredRho(designed);
  return Math.sqrt(2 * (1 + 1 / t) * Math.log1p(Math.sqrt(t + 1) / (2 * alpha)));
}

/** A mean, or what two of them differ by, with its standard error. */
export interface Estimate {
  value: number;
  error: number;
  /** Values it comes from: those of the smaller arm. */
  n: number;
}

export function levelOf(sums: Sums, bounded: boolean): Estimate {
  return { value: meanOf(sums), error: Math.sqrt(varianceOf(sums, bounded) / sums.n), n: sums.n };
}

/** first − second. */
export function differenceOf(first: Sums, second: Sums, bounded: boolean): Estimate {
  return {
    value: meanOf(first) - meanOf(second),
    error: Math.sqrt(varianceOf(first, bounded) / first.n + varianceOf(second, bounded) / second.n),
    n: Math.min(first.n, second.n),
  };
}

/** first / second − 1, its error by the delta method. NaN where the second mean is 0. */
export function relativeOf(first: Sums, second: Sums, bounded: boolean): Estimate {
  const base = meanOf(second);
  const ratio = base === 0 ? Number.NaN : meanOf(first) / base;
  const variance =
    varianceOf(first, bounded) / first.n + (ratio * ratio * varianceOf(second, bounded)) / second.n;
  return { value: ratio - 1, error: Math.sqrt(variance) / Math.abs(base), n: Math.min(first.n, second.n) };
}

/** The difference of two means of logarithms, as the share that the first geometric mean is above the second. */
export function relativeOfLogs(first: Sums, second: Sums, alpha: number): Bounds & { value: number } {
  const logs = differenceOf(first, second, false);
  const { lower, upper } = meanBounds(logs, alpha);
  return { value: Math.expm1(logs.value), lower: Math.expm1(lower), upper: Math.expm1(upper) };
}

export function meanBounds({ value, error, n }: Estimate, alpha: number): Bounds {
  if (!(n >= fewest) || Number.isNaN(value))
    return { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY };
  const radius = standardErrors(n, alpha) * error;
  return { lower: value - radius, upper: value + radius };
}
