import type { z } from 'zod';
import type { stageSchema } from './plan.ts';

type StageInput = z.input<typeof stageSchema>;

export interface Template {
  name: string;
  description: string;
  auto_advance: boolean;
  overdue_seconds: number;
  false_rollback_rate: number;
  stages: StageInput[];
}

const week = 7 * 24 * 60;
const limit = (metric: 'memory_mb' | 'p95_ms' | 'error_rate', at_most: number) =>
  ({ metric, at_most }) as const;

/** Experience replay and the bandit that learns from it, from a baseline to everybody. */
const fourWeeks: Template = {
  name: 'four-weeks',
  description: 'Experience replay for 10 % of callers, then the bandit for half of them, then both for all.',
  auto_advance: false,
  overdue_seconds: 60,
  false_rollback_rate: 0.01,
  stages: [
    {
      name: 'Week 1: baseline',
      flags: { experience_replay: 0, soft_q_bandit: 0 },
      min_minutes: week,
      min_samples: 1000,
      gates: [limit('p95_ms', 4000), limit('error_rate', 0.001), limit('memory_mb', 1024)],
    },
    {
      name: 'Week 2: experience replay, 10 %',
      flags: { experience_replay: 10, soft_q_bandit: 0 },
      tested: ['experience_replay'],
      min_minutes: week,
      min_samples: 500,
      gates: [
        { metric: 'buffer_size', at_least: 1000, at_most: 5000 },
        { metric: 'buffer_mb', at_most: 5 },
        { metric: 'latency_ms', measure: 'difference', at_most: 50, on_breach: 'rollback' },
        { metric: 'error_rate', measure: 'difference', at_most: 0.0005, on_breach: 'rollback' },
      ],
    },
    {
      name: 'Week 3: soft-Q bandit, 50 %',
      flags: { experience_replay: 10, soft_q_bandit: 50 },
      tested: ['soft_q_bandit'],
      min_minutes: week,
      min_samples: 1000,
      gates: [
        { metric: 'learning_states', at_least: 50, at_most: 100 },
        { metric: 'batch_success', at_least: 0.95 },
        { metric: 'quality', measure: 'relative', at_least: 0.02 },
        { metric: 'quality', measure: 'difference', at_least: -0.02, on_breach: 'rollback' },
        { metric: 'error_rate', measure: 'difference', at_most: 0.0005, on_breach: 'rollback' },
        { metric: 'p95_ms', at_most: 4500, on_breach: 'rollback' },
      ],
    },
    {
      name: 'Week 4: everybody',
      flags: { experience_replay: 100, soft_q_bandit: 100 },
      min_minutes: week,
      min_samples: 1000,
      gates: [
        limit('memory_mb', 600),
        { metric: 'p95_ms', at_most: 3500, on_breach: 'rollback' },
        { metric: 'quality', measure: 'relative', at_least: 0.05 },
        { metric: 'quality', measure: 'difference', at_least: -0.02, on_breach: 'rollback' },
      ],
    },
  ],
};

export const templateNames = ['four-weeks'] as const;
export type TemplateName = (typeof templateNames)[number];
export const templates: Record<TemplateName, Template> = { 'four-weeks': fourWeeks };
