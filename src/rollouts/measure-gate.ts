import {
  meanOf as averageOf,
  differenceOf,
  levelOf,
  meanBounds,
  relativeOf,
  relativeOfLogs,
  type Sums,
} from './means.ts';
import { type MetricName, metricList } from './metrics.ts';
import type { Gate } from './plan.ts';
import { type Bounds, type Count, differenceBounds, rateBounds } from './rates.ts';
import type { ArmReading, Readings, ServiceReading } from './readings.ts';

/** What a gate goes by. null: not known. */
export interface Measured {
  value: number | null;
  /** Kept at all times at once, each but for the error that the plan allows a guard. */
  lower: number | null;
  upper: number | null;
  treatment: number | null;
  control: number | null;
  /** Answers behind it, by arm. */
  samples: { treatment: number; control: number };
  /** In a sentence, where the number needs one. */
  note: string | null;
  /** Beyond the limit for sure, where bounds of the value itself do not say so. */
  beyond?: boolean;
}

export function measureGate(gate: Gate, readings: Readings, alpha: number): Measured {
  const { metric } = gate;
  const known = metricList[metric];
  if (known.kind === 'state') return stateOf(readings.service[metric as keyof ServiceReading]);
  const { treatment, control, baseline } = readings;
  if (known.kind === 'quantile') return quantileOf(gate, baseline ? control : treatment, baseline, alpha);
  if (known.kind === 'mean') return meanOf(gate, readings, known.bounded, alpha);
  return rateOf(gate, countOf(metric, treatment), countOf(metric, control), baseline, alpha);
}

function countOf(metric: MetricName, { errors, degraded, answered, decided, completed }: ArmReading): Count {
  if (metric === 'degraded_rate') return { k: degraded, n: completed };
  return { k: metric === 'error_rate' ? errors : answered, n: decided };
}

const share = ({ k, n }: Count): number | null => (n === 0 ? null : k / n);
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

function rateOf(gate: Gate, first: Count, second: Count, baseline: boolean, alpha: number): Measured {
  const [treatment, control] = [share(first), share(second)];
  const rest = { treatment, control, samples: { treatment: first.n, control: second.n }, note: null };
  if (gate.measure === 'level') {
    const arm = baseline ? second : first;
    return { ...rest, value: share(arm), ...rateBounds(arm, alpha) };
  }
  const value = treatment === null || control === null ? null : treatment - control;
  return { ...rest, value, ...differenceBounds(first, second, alpha) };
}

const sumsOf: Partial<Record<MetricName, (arm: ArmReading) => Sums>> = {
  latency_ms: ({ latency }) => latency,
  citation_support: ({ support }) => support,
  confidence: ({ confidence }) => confidence,
  feedback: ({ feedback }) => feedback,
  quality: ({ quality }) => quality,
};

function meanOf(gate: Gate, readings: Readings, bounded: boolean, alpha: number): Measured {
  const sums = sumsOf[gate.metric] as (arm: ArmReading) => Sums;
  const [first, second] = [sums(readings.treatment), sums(readings.control)];
  const { value, lower, upper } = boundsOfMean(gate, readings, { first, second, bounded }, alpha);
  return {
    ...{ value: finite(value), lower: finite(lower), upper: finite(upper) },
    ...{ treatment: finite(averageOf(first)), control: finite(averageOf(second)) },
    samples: { treatment: first.n, control: second.n },
    note: null,
  };
}

function boundsOfMean(
  { measure, metric }: Gate,
  { treatment, control, baseline }: Readings,
  { first, second, bounded }: { first: Sums; second: Sums; bounded: boolean },
  alpha: number,
): Bounds & { value: number } {
  if (measure === 'relative' && metric === 'latency_ms')
    return relativeOfLogs(treatment.logLatency, control.logLatency, alpha);
  const compare = measure === 'difference' ? differenceOf : relativeOf;
  const estimate =
    measure === 'level' ? levelOf(baseline ? second : first, bounded) : compare(first, second, bounded);
  return { value: estimate.value, ...meanBounds(estimate, alpha) };
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/**
 * The 95th percentile is above its limit exactly when more than a twentieth takes longer, which is a rate: so it has the bounds
 * of one. Howard & Ramdas, Sequential estimation of quantiles (Bernoulli 2022), section 2.
 */
function quantileOf({ at_most: limit }: Gate, arm: ArmReading, baseline: boolean, alpha: number): Measured {
  const { timed, overLimit, p95Ms } = arm;
  const { lower, upper } = rateBounds({ k: overLimit, n: timed }, alpha);
  return {
    ...{ value: p95Ms, lower: null, upper: null, beyond: lower > 0.05 },
    ...{ treatment: baseline ? null : p95Ms, control: baseline ? p95Ms : null },
    samples: { treatment: baseline ? 0 : timed, control: baseline ? timed : 0 },
    note:
      timed === 0
        ? null
        : `${percent(overLimit / timed)} of the answers took longer than ${limit} ms, for sure between ${percent(lower)} and ${percent(upper)}; 5 % may.`,
  };
}

function stateOf(value: number | null): Measured {
  const nobody = { treatment: null, control: null, samples: { treatment: 0, control: 0 } };
  return { ...nobody, value, lower: value, upper: value, note: null };
}
