/** Share of the examples that had a lower lead, from which on a text is as typical as any. */
const usual = 0.05;

/**
 * How far to believe what was learned, 0…1, of a text whose best class leads the mean of all by `lead`; by the leads that held-out
 * examples had. Two things bound it. However many of n examples were judged right, nobody knows more of the next than the rule of
 * succession says: (n + 1) / (n + 2). And a text that stands out as no class at all, less than the examples did, is like nothing
 * that was taught: its conformal p-value (Vovk et al. 2005) says how unlike. Scores that are made sure for texts like the examples
 * would make a certainty of whatever tells the classes apart in it. 1 where there are no examples to compare with.
 */
export function humilityOf(leads: readonly number[]): (lead: number) => number {
  const n = leads.length;
  if (n === 0) return () => 1;
  const sorted = Float64Array.from(leads).sort();
  const most = (n + 1) / (n + 2);
  // Of few examples none may be lower by chance alone: being lower than all of them halves at least.
  const least = Math.max(usual, 2 / (n + 1));
  return (lead) => most * Math.min(1, (countUpTo(sorted, lead) + 1) / (n + 1) / least);
}

/** How many of the sorted numbers are at most `limit`. */
function countUpTo(sorted: Float64Array, limit: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] as number) <= limit) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** How far the best of the scores lies above the mean of all. */
export function leadOf(scores: Float64Array): number {
  return Math.max(...scores) - scores.reduce((a, b) => a + b, 0) / (scores.length || 1);
}
