/**
 * The `k` first candidates of which no document gives more than `most`, in the order given. Where that leaves fewer than
 * k, the best of the others fill up: diversity never costs a passage that could have been returned.
 */
export function diversify<T>(
  candidates: readonly T[],
  documentOf: (candidate: T) => string | undefined,
  { k, most }: { k: number; most: number },
): T[] {
  const counts = new Map<string, number>();
  const chosen = new Set<T>();
  for (const candidate of candidates) {
    if (chosen.size === k) break;
    const document = documentOf(candidate);
    if (document === undefined) continue;
    const count = counts.get(document) ?? 0;
    if (count < most) chosen.add(candidate);
    counts.set(document, count + 1);
  }
  for (const candidate of candidates) {
    if (chosen.size >= k) break;
    if (documentOf(candidate) !== undefined) chosen.add(candidate);
  }
  return candidates.filter((candidate) => chosen.has(candidate));
}
