import { z } from 'zod';
import { type DocumentRow, documentStatuses } from '../db/documents.ts';
import { AppError } from '../errors.ts';
import { piiPolicies } from '../text/pii/mask.ts';
import { errorSummarySchema, metadata, timestamp } from './schemas.ts';

export const warningSchema = z.object({ code: z.string(), detail: z.string() }).meta({ id: 'Warning' });

export const documentSchema = z
  .object({
    id: z.uuid(),
    external_id: z.string().nullable(),
    collection: z.string(),
    title: z.string().nullable(),
    source_url: z.string().nullable(),
    author: z.string().nullable(),
    language: z.string().nullable(),
    taxonomy_path: z.array(z.string()),
    metadata,
    version: z.int().describe('The newest version; status, stage and error are its own'),
    live_version: z.int().nullable().describe('The version that search reads'),
    status: z.enum([...documentStatuses, 'deleted']),
    is_terminal: z.boolean(),
    stage: z.string().nullable(),
    progress: z.number().min(0).max(1),
    chunk_count: z.int(),
    error: errorSummarySchema.nullable(),
    warnings: z.array(warningSchema).describe('What is wrong with a document that is ready all the same'),
    content_type: z.string(),
    bytes: z.int(),
    pii: z
      .object({ policy: z.enum(piiPolicies), found: z.record(z.string(), z.int()) })
      .nullable()
      .describe('Personal data found in the newest version, by kind; null until it was looked for'),
    poll_after_ms: z.int().nullable(),
    created_at: timestamp,
    updated_at: timestamp,
    links: z.object({ self: z.string(), versions: z.string(), chunks: z.string(), text: z.string() }),
  })
  .meta({ id: 'Document' });

const terminal = new Set(['ready', 'failed', 'cancelled', 'deleted']);

export function toDocument(row: DocumentRow) {
  const { embedded, ...rest } = row;
  const self = `/api/v1/documents/${row.id}`;
  const done = terminal.has(row.status);
  return {
    ...rest,
    is_terminal: done,
    stage: done ? null : row.stage,
    progress: progressOf(row),
    warnings: warningsOf(row),
    poll_after_ms: done ? null : 500,
    links: {
      self,
      versions: `${self}/versions`,
      chunks: `${self}/chunks`,
      text: `${self}/versions/${row.version}/text`,
    },
  };
}

/** A picture in a document, a form that nobody filled in: nothing to refuse, and nothing that could be found. */
export function warningsOf({ status, chunk_count }: { status: string; chunk_count: number }) {
  if (status !== 'ready' && status !== 'completed') return [];
  return chunk_count === 0
    ? [{ code: 'document_empty', detail: 'No text was found in it: nothing of it can be found or cited.' }]
    : [];
}

/** Parsing is counted as a tenth of the way, every vector as its share of the rest. */
function progressOf({ status, embedded, chunk_count }: DocumentRow): number {
  if (status === 'ready') return 1;
  if (status !== 'embedding') return 0;
  return 0.1 + 0.9 * (chunk_count === 0 ? 0 : Math.min(1, embedded / chunk_count));
}

export function noDocument(): AppError {
  return new AppError('not_found', 'There is no such document.');
}
