/** A decision that was judged. */
export interface Judged {
  confidence: number;
  right: boolean;
}

/** What is decided alone at a threshold, and how well. */
export interface OperatingPoint {
  threshold: number;
  /** Share that is decided without a person. */
  coverage: number;
  /** Share of that which is right; 1 where nothing is decided. */
  accuracy: number;
}

/** The curve at every share of a twentieth: the surest part of the decisions, and how many of them are right. */
export function coverageCurve(judged: readonly Judged[]): OperatingPoint[] {
  const surest = [...judged].sort((a, b) => b.confidence - a.confidence);
  return Array.from({ length: 20 }, (_, i) => {
    const coverage = (i + 1) / 20;
    const some = surest.slice(0, Math.max(1, Math.round(coverage * surest.length)));
    return { threshold: some.at(-1)?.confidence ?? 0, coverage, accuracy: accuracyOf(some) };
  });
}

/** Area under the curve of risk against coverage (Geifman & El-Yaniv 2017): mean risk over all coverages; 0 is best. */
export function riskArea(judged: readonly Judged[]): number {
  const surest = [...judged].sort((a, b) => b.confidence - a.confidence);
  let wrong = 0;
  let sum = 0;
  for (const [i, { right }] of surest.entries()) {
    wrong += right ? 0 : 1;
    sum += wrong / (i + 1);
  }
  return judged.length === 0 ? 0 : sum / judged.length;
}

export function at(judged: readonly Judged[], threshold: number): OperatingPoint {
  const decided = judged.filter(({ confidence }) => confidence >= threshold);
  const coverage = judged.length === 0 ? 0 : decided.length / judged.length;
  return { threshold, coverage, accuracy: accuracyOf(decided) };
}

/** The lowest threshold, in hundredths, from which on at least `accuracy` of what is decided is right; 1 where none is known to be. */
export function thresholdFor(judged: readonly Judged[], accuracy: number): number {
  let lowest = 100;
  if (judged.length === 0) return 1;
  // From above: a threshold below one that is too low would be right by chance only.
  for (let hundredth = 99; hundredth >= 0; hundredth--) {
    const point = at(judged, hundredth / 100);
    if (point.coverage > 0 && point.accuracy < accuracy) break;
    lowest = hundredth;
  }
  return lowest / 100;
}

function accuracyOf(judged: readonly Judged[]): number {
  return judged.length === 0 ? 1 : judged.filter(({ right }) => right).length / judged.length;
}
