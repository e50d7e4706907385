import { z } from 'zod';
import { flagKeys } from '../flags.ts';
import { measures, measuresOf, metricNames } from './metrics.ts';

export const gateSchema = z
  .strictObject({
    metric: z.enum(metricNames),
    measure: z
      .enum(measures)
      .default('level')
      .describe(
        'level: of the treatment; difference: treatment − control; relative: treatment / control − 1',
      ),
    at_most: z.number().optional(),
    at_least: z.number().optional(),
    on_breach: z
      .enum(['rollback', 'hold'])
      .default('hold')
      .describe('rollback: a guard; hold: the stage is not left until it is met'),
  })
  .refine(({ at_most, at_least }) => at_most !== undefined || at_least !== undefined, {
    error: 'needs at_most, at_least or both',
  })
  .refine(({ metric, measure }) => measuresOf(metric).includes(measure), {
    error: ({ input }) => {
      const { metric } = input as { metric: (typeof metricNames)[number] };
      return `${metric} has the measures ${measuresOf(metric).join(', ')}`;
    },
    path: ['measure'],
  })
  .refine(({ metric, at_least }) => metric !== 'p95_ms' || at_least === undefined, {
    error: 'p95_ms has an at_most only',
    path: ['at_least'],
  });
export type Gate = z.output<typeof gateSchema>;

const share = z.int().min(0).max(100);

export const stageSchema = z
  .strictObject({
    name: z.string().trim().min(1).max(100),
    flags: z
      .partialRecord(z.enum(flagKeys), share)
      .refine((flags) => Object.keys(flags).length > 0, 'needs at least one flag with its share in percent')
      .describe('Share of callers in percent, by flag; a flag that is not named keeps its share'),
    tested: z
      .array(z.enum(flagKeys))
      .min(1)
      .optional()
      .describe('Flags that tell treatment (all on) from control (all off); those of `flags` when left out'),
    min_minutes: z
      .number()
      .min(0)
      .max(60 * 24 * 90)
      .default(60),
    min_samples: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(100)
      .describe('Answers of the treatment that must have ended'),
    gates: z.array(gateSchema).max(20).optional().describe('The usual guards when left out'),
  })
  .meta({ id: 'RolloutStage' });

/** Fields of a plan that a request may give beside its stages. */
export const planFields = {
  auto_advance: z.boolean().default(false).describe('Goes on by itself once time, samples and gates are met'),
  overdue_seconds: z
    .int()
    .min(1)
    .max(3600)
    .default(60)
    .describe('An answer under way for longer counts as an error until it ends'),
  false_rollback_rate: z
    .number()
    .min(0.0001)
    .max(0.2)
    .default(0.01)
    .describe('How often a harmless rollout may be rolled back, shared by all guards of all stages'),
};

export interface Stage {
  name: string;
  flags: Partial<Record<(typeof flagKeys)[number], number>>;
  tested: (typeof flagKeys)[number][];
  min_minutes: number;
  min_samples: number;
  gates: Gate[];
}

export interface Plan {
  stages: Stage[];
  overdue_seconds: number;
  false_rollback_rate: number;
}

/** For stages that say nothing else: a change that is no worse than a little, in time, errors and what the answers are worth. */
const usualGuards: Gate[] = [
  { metric: 'latency_ms', measure: 'relative', at_most: 0.1, on_breach: 'rollback' },
  { metric: 'error_rate', measure: 'difference', at_most: 0.01, on_breach: 'rollback' },
  { metric: 'degraded_rate', measure: 'difference', at_most: 0.02, on_breach: 'rollback' },
  { metric: 'answered_rate', measure: 'difference', at_least: -0.02, on_breach: 'rollback' },
  { metric: 'citation_support', measure: 'difference', at_least: -0.02, on_breach: 'rollback' },
];

/** A stage as it is stored, with what it left out. */
export function completeStage({ tested, gates, ...stage }: z.output<typeof stageSchema>): Stage {
  const flags = stage.flags as Stage['flags'];
  const judged = tested ?? (Object.keys(flags) as Stage['tested']);
  return { ...stage, flags, tested: judged, gates: gates ?? usualGuards };
}

/** Every flag that the plan sets, in any stage. */
export function flagsOf({ stages }: Plan): (typeof flagKeys)[number][] {
  return [...new Set(stages.flatMap(({ flags }) => Object.keys(flags) as (typeof flagKeys)[number][]))];
}

/** Shares of all flags of the plan in a stage: the last that was said of each. Those nothing has been said of yet are left out. */
export function sharesIn(plan: Plan, stage: number): Stage['flags'] {
  return Object.assign({}, ...plan.stages.slice(0, stage + 1).map(({ flags }) => flags));
}

/** What a single guard may err by: the plan's rate, in equal parts (Bonferroni). A plan without guards can't err. */
export function alphaOf({ stages, false_rollback_rate }: Plan): number {
  const guards = stages.flatMap(({ gates }) => gates.filter(({ on_breach }) => on_breach === 'rollback'));
  return false_rollback_rate / Math.max(1, guards.length);
}
