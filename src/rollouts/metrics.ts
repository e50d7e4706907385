/**
 * What a gate can be about. `rate`: of how many answers something is true. `mean`: a value of each answer; `bounded` ones are
 * 0…1. `quantile`: a time that all but a twentieth keep. `state`: of the service as a whole, read as it is now: no arm has one of
 * its own, so nothing can be shown of it by comparing.
 */
export const metricList = {
  error_rate: {
    kind: 'rate',
    says: 'answers that failed, expired, or have been under way for longer than overdue_seconds',
  },
  degraded_rate: { kind: 'rate', says: 'completed answers that are less than they could be' },
  answered_rate: { kind: 'rate', says: 'answers that are neither an error nor abstained' },
  latency_ms: {
    kind: 'mean',
    bounded: false,
    says: 'time in the worker; `relative` compares geometric means',
  },
  citation_support: {
    kind: 'mean',
    bounded: true,
    says: 'how far the quotes carry the sentences that cite them, 0…1',
  },
  confidence: { kind: 'mean', bounded: true, says: 'confidence of answers that were not abstained' },
  feedback: { kind: 'mean', bounded: true, says: 'ratings, 0…1' },
  quality: {
    kind: 'mean',
    bounded: true,
    says: 'the ratings of an answer where there are any, else its citation support; an error is 0',
  },
  p95_ms: {
    kind: 'quantile',
    says: '95th percentile of the time from acceptance to the end, the queue included',
  },
  memory_mb: { kind: 'state', says: 'resident memory of the largest process, of API or workers' },
  buffer_size: { kind: 'state', says: 'experiences in the buffer' },
  buffer_mb: { kind: 'state', says: 'bytes of these experiences in the database' },
  learning_states: { kind: 'state', says: 'states that experiences were made in' },
  batch_success: {
    kind: 'state',
    says: 'share of the batches planned in this stage that were learned; one that was planned three minutes ago should be',
  },
  golden_ndcg: {
    kind: 'state',
    says: 'nDCG@10 of hybrid search in the newest completed evaluation named `golden` of this stage, relative to the last one from before the rollout',
  },
} as const satisfies Record<string, Metric>;

type Metric =
  | { kind: 'rate' | 'quantile' | 'state'; says: string }
  | { kind: 'mean'; bounded: boolean; says: string };

export type MetricName = keyof typeof metricList;
export const metricNames = Object.keys(metricList) as MetricName[];

/** Of the arm itself; treatment − control; treatment / control − 1. */
export const measures = ['level', 'difference', 'relative'] as const;
export type Measure = (typeof measures)[number];

/** Which measures a metric has. */
export function measuresOf(metric: MetricName): readonly Measure[] {
  const { kind } = metricList[metric];
  if (metric === 'golden_ndcg') return ['relative'];
  if (kind === 'mean') return measures;
  return kind === 'rate' ? ['level', 'difference'] : ['level'];
}
