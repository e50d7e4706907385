/** Lanczos' coefficients for g = 7, n = 9 (Godfrey 2001): fifteen digits for every positive argument. */
const coefficients = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** Natural logarithm of the gamma function of a positive number, by Lanczos' approximation (1964). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  const t = z + 7.5;
  const series = coefficients.slice(1).reduce((sum: number, c, i) => sum + c / (z + i + 1), coefficients[0]);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** Where a falling function of [low, high] crosses zero; the nearer end where it does not. */
export function crossing(falls: (x: number) => number, low: number, high: number): number {
  if (falls(low) <= 0) return low;
  if (falls(high) >= 0) return high;
  let [above, below] = [low, high];
  for (let step = 0; step < 40; step++) {
    const middle = (above + below) / 2;
    if (falls(middle) > 0) above = middle;
    else below = middle;
  }
  // The side that still holds: a bound that was not shown is not claimed.
  return above;
}
