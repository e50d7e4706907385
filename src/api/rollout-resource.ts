import { z } from 'zod';
import { type RolloutRow, rolloutEventTypes, rolloutStatuses } from '../db/rollouts.ts';
import { verdicts } from '../rollouts/judge-gate.ts';
import { type Report, sentenceOf } from '../rollouts/markdown.ts';
import { measures, metricNames } from '../rollouts/metrics.ts';
import type { ArmReading } from '../rollouts/readings.ts';
import { rolloutsPath } from '../rollouts/tend-rollout.ts';
import { timestamp } from './schemas.ts';

const gate = z.object({
  metric: z.enum(metricNames),
  measure: z.enum(measures),
  at_most: z.number().optional(),
  at_least: z.number().optional(),
  on_breach: z.enum(['rollback', 'hold']),
});

const stage = z.object({
  name: z.string(),
  flags: z.record(z.string(), z.int()),
  tested: z.array(z.string()),
  min_minutes: z.number(),
  min_samples: z.int(),
  gates: z.array(gate),
});

const gateReading = z.object({
  ...gate.shape,
  verdict: z
    .enum(verdicts)
    .describe('breached: beyond its limits for sure; not_met: beyond them so far, which may be chance'),
  value: z.number().nullable(),
  lower: z
    .number()
    .nullable()
    .describe('Of value; holds at all times at once, so it may be looked at as often as wanted'),
  upper: z.number().nullable(),
  treatment: z.number().nullable(),
  control: z.number().nullable(),
  samples: z.object({ treatment: z.int(), control: z.int() }),
  sentence: z.string(),
});

const arm = z.object({
  exposures: z.int().describe('Answers assigned to it, whatever became of them'),
  pending: z.int(),
  decided: z.int().describe('Ended or overdue, not cancelled'),
  errors: z.int(),
  completed: z.int(),
  degraded: z.int(),
  answered: z.int(),
});

const settings = z.record(z.string(), z.object({ enabled: z.boolean(), rollout_percent: z.int() }));

const brief = {
  id: z.uuid(),
  name: z.string(),
  status: z.enum(rolloutStatuses),
  is_terminal: z.boolean(),
  paused_because: z
    .enum(['hand', 'flag_changed'])
    .nullable()
    .describe('flag_changed: somebody set a flag of it, so it touches them no more until it is resumed'),
  auto_advance: z.boolean(),
  stage: z.int().describe('From 0'),
  flags: settings.describe('As the rollout has set them'),
  flags_before: settings,
  revision: z.int().describe('ETag of the resource; moves take it as If-Match'),
  created_by: z.string(),
  created_at: timestamp,
  stage_started_at: timestamp,
  updated_at: timestamp,
  ended_at: timestamp.nullable(),
  links: z.object({
    self: z.string(),
    advance: z.string(),
    pause: z.string(),
    resume: z.string(),
    rollback: z.string(),
  }),
};

export const briefSchema = z.object(brief).meta({ id: 'RolloutSummary' });

const event = z.object({
  n: z.int(),
  at: timestamp,
  type: z.enum(rolloutEventTypes),
  stage: z.int(),
  by: z.string(),
  reason: z.string(),
});

export const rolloutSchema = z
  .object({
    ...brief,
    stages: z.array(stage),
    overdue_seconds: z.int(),
    false_rollback_rate: z.number(),
    minutes: z.number().describe('Since the stage began'),
    share: z.number().nullable().describe('Of the answers of this stage, those treated; null: none yet'),
    concurrent: z
      .boolean()
      .describe('false: everybody is treated, and the control is that of earlier stages'),
    baseline: z.boolean().describe('true: nobody is treated in this stage, gates are about the control'),
    arms: z.object({ treatment: arm, control: arm }),
    gates: z.array(gateReading).describe('Of one that has ended by them: as they were then'),
    waits_for: z.array(z.string()).describe('What is missing before the stage can be left'),
    incidents: z.array(z.object({ at: timestamp, note: z.string(), note_ko: z.string().nullable() })),
    history: z.array(event),
  })
  .meta({ id: 'Rollout' });

export function toBrief(row: RolloutRow) {
  const self = `${rolloutsPath}/${row.id}`;
  return {
    ...{ id: row.id, name: row.name, status: row.status, is_terminal: row.ended_at !== null },
    ...{ paused_because: row.paused_because, auto_advance: row.auto_advance, stage: row.stage },
    ...{ flags: row.expected, flags_before: row.before, revision: row.revision },
    ...{ created_by: row.created_by, created_at: row.created_at, stage_started_at: row.stage_started_at },
    ...{ updated_at: row.updated_at, ended_at: row.ended_at },
    links: {
      self,
      advance: `${self}/advance`,
      pause: `${self}/pause`,
      resume: `${self}/resume`,
      rollback: `${self}/rollback`,
    },
  };
}

const toArm = ({ exposures, pending, decided, errors, completed, degraded, answered }: ArmReading) => ({
  ...{ exposures, pending, decided, errors, completed, degraded, answered },
});

export function toRollout({ rollout, events, readings, judgement }: Report) {
  const { treatment, control, concurrent, baseline, minutes } = readings;
  const all = treatment.exposures + control.exposures;
  return {
    ...toBrief(rollout),
    ...rollout.plan,
    ...{ minutes, concurrent, baseline },
    share: concurrent && all > 0 ? treatment.exposures / all : null,
    arms: { treatment: toArm(treatment), control: toArm(control) },
    gates: judgement.gates.map((reading) => {
      const { gate, note: _, ...numbers } = reading;
      return { ...gate, ...numbers, sentence: sentenceOf(reading) };
    }),
    waits_for: judgement.waitsFor,
    incidents: events.flatMap(({ at, note, note_ko }) => (note === null ? [] : [{ at, note, note_ko }])),
    history: events.map(({ n, at, type, stage: led, by, reason }) => ({
      n,
      at,
      type,
      stage: led,
      by,
      reason,
    })),
  };
}
