import { z } from 'zod';
import { storable, timestamp } from './schemas.ts';

const reason = storable(z.string().min(1).max(500)).describe('Kept in the audit log');

export const pauseRequest = z.strictObject({ paused: z.boolean(), reason }).meta({ id: 'LearningPause' });

export const restoreRequest = z
  .strictObject({ version: z.int().positive().max(2_147_483_647), reason })
  .meta({ id: 'PolicyRestore' });

export const learningSchema = z
  .object({
    buffer: z.object({
      size: z.int(),
      capacity: z.int(),
      pending: z.int().describe('Not learned yet'),
      oldest: timestamp.nullable(),
      newest: timestamp.nullable(),
      bytes: z.int().describe('Of the table with its indexes'),
    }),
    states: z.int(),
    strategies: z.array(
      z.object({
        action: z.string(),
        source: z.enum(['answer', 'feedback']),
        experiences: z.int(),
        reward_mean: z.number(),
        reward_sd: z.number(),
        parts_mean: z.record(z.string(), z.number()),
        updated_at: timestamp,
      }),
    ),
    paused: z.boolean(),
    batches: z.object({ planned: z.int(), learned: z.int() }),
    policy: z
      .object({ name: z.string(), version: z.int().nullable() })
      .describe('What decides where soft_q_bandit is on; version null: hybrid, until something was learned'),
  })
  .meta({ id: 'Learning' });

export const versionSchema = z
  .object({
    version: z.int(),
    policy: z.string(),
    parent: z.int().nullable(),
    made_by: z.enum(['batch', 'buffer', 'restore']),
    experiences: z.int().describe('Learned with it'),
    learned: z.int().describe('Learned in all'),
    live: z.boolean(),
    created_at: timestamp,
  })
  .meta({ id: 'PolicyVersion' });

export const policySchema = z
  .object({
    name: z.string(),
    version: z.int().nullable(),
    states: z.array(
      z.object({
        state: z.string(),
        probabilities: z.record(z.string(), z.number()).describe('Of each action; they sum to 1'),
      }),
    ),
    versions: z.array(versionSchema).describe('Newest first'),
  })
  .meta({ id: 'Policy' });
