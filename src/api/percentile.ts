interface HistogramValue {
  value: number;
  metricName?: string;
  labels: Partial<Record<string, string | number>>;
}

/**
 * The q-quantile of a prom-client histogram over all its labels, by linear interpolation within the bucket, as
 * histogram_quantile of Prometheus does. null without observations; the highest bound for what lies beyond it.
 */
export function percentile(values: readonly HistogramValue[], q: number): number | null {
  const buckets = new Map<number, number>();
  for (const { metricName, labels, value } of values) {
    if (!metricName?.endsWith('_bucket')) continue;
    const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const rank = q * total;
  let lower = 0;
  let below = 0;
  for (const [bound, count] of sorted) {
    if (count >= rank)
      return bound === Number.POSITIVE_INFINITY
        ? lower
        : lower + (bound - lower) * ((rank - below) / Math.max(1, count - below));
    lower = bound;
    below = count;
  }
  return lower;
}
