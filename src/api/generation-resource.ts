import { z } from 'zod';
import { type CountedGeneration, generationStatuses } from '../db/generations.ts';
import { errorSummarySchema, timestamp } from './schemas.ts';

const estimate = {
  chunks: z.int().describe('Live chunks without a vector of the model'),
  characters: z.int(),
  tokens: z.int().describe('Estimated from a sample of at most 500 chunks'),
  cost_usd: z.number().nullable().describe('By EMBEDDING_PRICES; null where it names no price of the model'),
};
const model = { provider: z.string(), model: z.string().describe('Name@dimensions'), dimensions: z.int() };
const share = z.number().min(0).max(1).nullable();

export const estimateSchema = z
  .object({ ...model, dry_run: z.literal(true), ...estimate })
  .meta({ id: 'GenerationEstimate' });

const comparison = z.object({
  with_model: z.string().describe('The model that was live'),
  questions: z.int().describe('Recent questions searched for'),
  chunks: z.int().describe('Beginnings of chunks searched for'),
  overlap_at_10: share.describe('Mean share of the first ten passages that both models find'),
  overlap_interval: z
    .tuple([z.number(), z.number()])
    .nullable()
    .describe('95 %, bootstrap over the searches'),
  recall_at_10: share.describe('Chunks among the first ten for their own beginning, with this model'),
  live_recall_at_10: share.describe('The same with the model that was live'),
});

export const generationSchema = z
  .object({
    id: z.uuid(),
    ...model,
    status: z.enum(generationStatuses),
    is_terminal: z.boolean().describe('Nothing of it is under way'),
    counts: z.object({ chunks: z.int(), embedded: z.int(), missing: z.int(), reclaimed: z.int() }),
    progress: z.number(),
    replaces: z.uuid().nullable().describe('Where a rollback goes'),
    estimate: z.object(estimate).nullable(),
    comparison: comparison.nullable(),
    error: errorSummarySchema.nullable(),
    poll_after_ms: z.int().nullable(),
    created_at: timestamp,
    built_at: timestamp.nullable(),
    switched_at: timestamp.nullable(),
    updated_at: timestamp,
    links: z.object({ self: z.string(), switch: z.string(), rollback: z.string() }),
  })
  .meta({ id: 'Generation' });

export const generationsPath = '/api/v1/admin/embeddings/generations';

export function toGeneration({ chunks, embedded, vectors_reclaimed, ...row }: CountedGeneration) {
  const self = `${generationsPath}/${row.id}`;
  const moving = ['building', 'comparing', 'reclaiming'].includes(row.status);
  const gone = row.status === 'reclaiming' || row.status === 'reclaimed';
  return {
    id: row.id,
    provider: row.provider,
    model: row.model,
    dimensions: row.dimensions,
    status: row.status,
    is_terminal: !moving,
    counts: { chunks, embedded, missing: gone ? 0 : chunks - embedded, reclaimed: vectors_reclaimed },
    progress: chunks === 0 ? 1 : embedded / chunks,
    replaces: row.replaces,
    estimate: row.estimate,
    comparison: row.comparison,
    error: row.error,
    poll_after_ms: moving ? 1000 : null,
    created_at: row.created_at,
    built_at: row.built_at,
    switched_at: row.switched_at,
    updated_at: row.updated_at,
    links: { self, switch: `${self}/switch`, rollback: `${self}/rollback` },
  };
}
