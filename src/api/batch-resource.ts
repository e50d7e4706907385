import { z } from 'zod';
import { type BatchRow, type ItemRow, itemStages } from '../db/batches.ts';
import { warningSchema, warningsOf } from './document-resource.ts';
import { errorSummarySchema, timestamp } from './schemas.ts';

export const batchesPath = '/api/v1/ingestion-batches';
export const itemStatuses = [
  ...(['queued', 'in_progress', 'completed', 'unchanged', 'failed', 'cancelled'] as const),
] as const;

export const batchSchema = z
  .object({
    id: z.uuid(),
    status: z.enum(['in_progress', 'completed', 'cancelled']),
    is_terminal: z.boolean(),
    receiving: z.boolean().describe('Lines still come in: the total is what came so far, and grows'),
    counts: z
      .object({ total: z.int(), ...Object.fromEntries(itemStatuses.map((name) => [name, z.int()])) })
      .describe('Counted in one moment: the others always add up to the total'),
    progress: z.number(),
    rate_per_min: z
      .number()
      .describe(
        'Items that ended within the last minute, or since the batch began if that is less, a minute',
      ),
    eta_seconds: z.number().nullable().describe('At that rate; null while nothing has ended'),
    waiting: z.string().nullable().describe('Why nothing moves, in a sentence; null while something does'),
    error: errorSummarySchema
      .nullable()
      .describe('Why it holds fewer items than were to be sent; what it holds is worked on all the same'),
    poll_after_ms: z.int().nullable(),
    created_at: timestamp,
    completed_at: timestamp.nullable(),
    links: z.object({
      ...{ self: z.string(), items: z.string(), events: z.string() },
      ...{ cancel: z.string(), retry: z.string() },
    }),
  })
  .meta({ id: 'Batch' });

export const itemSchema = z
  .object({
    n: z.int().describe('Place in the batch, from 0; of lines, blank ones not counted'),
    external_id: z.string().nullable(),
    document_id: z.uuid().nullable(),
    version: z.int().nullable(),
    status: z.enum(itemStatuses),
    stage: z.enum(itemStages).nullable().describe('Where it is, or where it failed; null when it ended well'),
    attempts: z.int().describe('Tries of that stage, or of the last one'),
    error: errorSummarySchema
      .extend({ errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional() })
      .meta({ id: 'ItemError' })
      .nullable(),
    warnings: z.array(warningSchema),
  })
  .meta({ id: 'BatchItem' });

export function toItem({ chunk_count, ...item }: ItemRow) {
  return { ...item, warnings: warningsOf({ status: item.status, chunk_count }) };
}

export function toBatch(row: BatchRow, waiting: string | null) {
  const { counts, receiving } = row;
  const unfinished = counts.queued + counts.in_progress;
  const terminal = unfinished === 0 && !receiving;
  const perMinute = (row.recent / row.window) * 60;
  const self = `${batchesPath}/${row.id}`;
  return {
    id: row.id,
    status: row.cancelled_at ? 'cancelled' : terminal ? 'completed' : 'in_progress',
    is_terminal: terminal,
    receiving,
    counts,
    progress: counts.total === 0 ? (terminal ? 1 : 0) : (counts.total - unfinished) / counts.total,
    rate_per_min: Math.round(perMinute * 10) / 10,
    eta_seconds: terminal ? 0 : row.recent === 0 ? null : Math.ceil((unfinished / perMinute) * 60),
    waiting,
    error: receiving ? null : row.interrupted ? interrupted : row.error,
    poll_after_ms: terminal ? null : 1000,
    created_at: row.created_at,
    completed_at: row.completed_at,
    links: {
      ...{ self, items: `${self}/items`, events: `${self}/events` },
      ...{ cancel: `${self}/cancel`, retry: `${self}/retry` },
    },
  };
}

const interrupted = {
  code: 'upload_cut_off',
  detail: 'The process that took the lines in has ended: the batch holds what came until then.',
  retryable: false,
} as const;
