import { describe, expect, it } from 'vitest';
import { judgeStage } from '../../../src/rollouts/decide.ts';
import { judgeGate } from '../../../src/rollouts/judge-gate.ts';
import {
  alphaOf,
  completeStage,
  type Gate,
  gateSchema,
  type Plan,
  sharesIn,
  stageSchema,
} from '../../../src/rollouts/plan.ts';
import type { ArmReading, Readings } from '../../../src/rollouts/readings.ts';
import { templateNames, templates } from '../../../src/rollouts/templates.ts';

const alpha = 0.001;
const sums = (n: number, mean: number, sd: number) => ({
  n,
  sum: n * mean,
  squares: n * mean * mean + Math.max(0, n - 1) * sd * sd,
});

function arm(n: number, more: Partial<ArmReading> = {}): ArmReading {
  return {
    ...{ exposures: n, pending: 0, decided: n, errors: 0, completed: n, degraded: 0, answered: n },
    ...{ latency: sums(n, 500, 200), logLatency: sums(n, 6, 0.4), timed: n, p95Ms: 900, overLimit: 0 },
    ...{ support: sums(n, 0.85, 0.2), confidence: sums(n, 0.7, 0.2), feedback: sums(0, 0, 0) },
    ...{ quality: sums(n, 0.85, 0.2), ...more },
  };
}

const readings = (more: Partial<Readings> = {}): Readings => ({
  ...{ treatment: arm(200), control: arm(1800), concurrent: true, baseline: false, minutes: 90 },
  service: {
    ...{ memory_mb: 700, buffer_size: 2000, buffer_mb: 1.5, learning_states: null },
    ...{ batch_success: 0.94, golden_ndcg: null },
  },
  ...more,
});
const gate = (given: Parameters<typeof gateSchema.parse>[0]): Gate => gateSchema.parse(given);
const verdict = (given: Parameters<typeof gateSchema.parse>[0], read = readings()) =>
  judgeGate(gate(given), read, alpha).verdict;

describe('a gate', () => {
  it('is broken only by what is sure, and not met by what may be chance', () => {
    const errors = { metric: 'error_rate', measure: 'difference', at_most: 0.01 };
    const failing = (k: number) => readings({ treatment: arm(200, { errors: k, answered: 200 - k }) });
    expect(verdict(errors)).toBe('passed');
    expect(verdict(errors, failing(4))).toBe('not_met');
    expect(verdict(errors, failing(40))).toBe('breached');
    expect(verdict({ metric: 'answered_rate', measure: 'difference', at_least: -0.02 }, failing(60))).toBe(
      'breached',
    );
  });

  it('on latency compares geometric means, or milliseconds', () => {
    const slow = readings({
      treatment: arm(200, { latency: sums(200, 1000, 400), logLatency: sums(200, 6.7, 0.4) }),
    });
    const relative = { metric: 'latency_ms', measure: 'relative', at_most: 0.1 };
    expect(verdict(relative)).toBe('passed');
    expect(judgeGate(gate(relative), slow, alpha)).toMatchObject({
      verdict: 'breached',
      value: expect.closeTo(Math.expm1(0.7), 6),
    });
    expect(verdict({ metric: 'latency_ms', measure: 'difference', at_most: 50 }, slow)).toBe('breached');
  });

  it('that asks for a gain wants it to be one for sure', () => {
    const gain = { metric: 'quality', measure: 'relative', at_least: 0.02 };
    const better = (mean: number) => readings({ treatment: arm(200, { quality: sums(200, mean, 0.2) }) });
    expect(verdict(gain, better(0.87))).toBe('not_met');
    expect(verdict(gain, better(0.95))).toBe('passed');
    expect(verdict(gain, better(0.5))).toBe('breached');
  });

  it('on the 95th percentile goes by how many take longer', () => {
    const p95 = { metric: 'p95_ms', at_most: 800 };
    const over = (k: number, p95Ms: number) => readings({ treatment: arm(200, { overLimit: k, p95Ms }) });
    expect(verdict(p95, over(2, 700))).toBe('passed');
    expect(verdict(p95, over(14, 900))).toBe('not_met');
    expect(judgeGate(gate(p95), over(60, 2000), alpha)).toMatchObject({
      verdict: 'breached',
      value: 2000,
      note: expect.stringContaining('30.0 % of the answers took longer than 800 ms'),
    });
  });

  it('on the state of the service takes it as it is read', () => {
    expect(verdict({ metric: 'memory_mb', at_most: 600 })).toBe('breached');
    expect(verdict({ metric: 'buffer_size', at_least: 1000, at_most: 5000 })).toBe('passed');
    expect(verdict({ metric: 'learning_states', at_least: 50 })).toBe('no_data');
    expect(verdict({ metric: 'batch_success', at_least: 0.9 })).toBe('passed');
    expect(verdict({ metric: 'batch_success', at_least: 0.95 })).toBe('breached');
  });

  it('in a baseline is about the control, whom everybody belongs to', () => {
    const baseline = readings({ baseline: true, treatment: arm(0), control: arm(400, { errors: 40 }) });
    expect(judgeGate(gate({ metric: 'error_rate', at_most: 0.001 }), baseline, alpha)).toMatchObject({
      verdict: 'breached',
      value: 0.1,
    });
    expect(verdict({ metric: 'feedback', at_least: 0.5 }, baseline)).toBe('no_data');
  });

  it('has the measures of its metric, and a limit', () => {
    const refused = (given: unknown) => gateSchema.safeParse(given).success === false;
    expect(refused({ metric: 'p95_ms', measure: 'difference', at_most: 1 })).toBe(true);
    expect(refused({ metric: 'error_rate', measure: 'relative', at_most: 1 })).toBe(true);
    expect(refused({ metric: 'error_rate' })).toBe(true);
    expect(refused({ metric: 'p95_ms', at_least: 5 })).toBe(true);
  });
});

const plan: Plan = {
  overdue_seconds: 60,
  false_rollback_rate: 0.01,
  stages: [
    completeStage(stageSchema.parse({ name: 'a tenth', flags: { debate_mode: 10 }, min_samples: 150 })),
    completeStage(stageSchema.parse({ name: 'all', flags: { debate_mode: 100 }, gates: [] })),
  ],
};

describe('a stage', () => {
  it('without gates of its own has the usual guards, which share what the plan may err by', () => {
    expect(plan.stages[0]?.gates.map(({ metric }) => metric)).toContain('citation_support');
    expect(alphaOf(plan)).toBeCloseTo(0.01 / 5);
    expect(alphaOf({ ...plan, stages: [] })).toBeCloseTo(0.01);
    expect(plan.stages[0]?.tested).toEqual(['debate_mode']);
  });

  it('waits for its time, its samples and its gates', () => {
    expect(judgeStage(plan, 0, readings())).toMatchObject({ broken: [], waitsFor: [] });
    const early = judgeStage(plan, 0, readings({ minutes: 5, treatment: arm(40) }));
    expect(early.waitsFor).toEqual([
      'The stage has run for 5 of 60 minutes.',
      '40 of 150 answers of the treatment have ended.',
    ]);
    const bad = judgeStage(plan, 0, readings({ treatment: arm(200, { errors: 60, answered: 140 }) }));
    expect(bad.broken.map(({ gate: { metric } }) => metric)).toEqual(['error_rate', 'answered_rate']);
    expect(bad.waitsFor).toHaveLength(2);
  });

  it('keeps the shares that earlier ones gave', () => {
    const two: Plan = {
      ...plan,
      stages: [
        completeStage(stageSchema.parse({ name: '1', flags: { experience_replay: 10 } })),
        completeStage(stageSchema.parse({ name: '2', flags: { soft_q_bandit: 50 } })),
      ],
    };
    expect(sharesIn(two, 0)).toEqual({ experience_replay: 10 });
    expect(sharesIn(two, 1)).toEqual({ experience_replay: 10, soft_q_bandit: 50 });
  });
});

it.each(templateNames)('the template %s is a plan', (name) => {
  const { stages } = templates[name];
  expect(stages.length).toBeGreaterThan(1);
  for (const stage of stages) {
    const parsed = stageSchema.safeParse(stage);
    expect(parsed.error).toBeUndefined();
    if (parsed.data) for (const one of completeStage(parsed.data).gates) gateSchema.parse(one);
  }
});
