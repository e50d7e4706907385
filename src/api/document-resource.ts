import { z } from 'zod';
import { type DocumentRow, documentStatuses } from '../db/documents.ts';
import { errorSummarySchema, metadata, timestamp } from './schemas.ts';

export const documentSchema = z
  .object({
    id: z.uuid(),
    external_id: z.string().nullable(),
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
    content_type: z.string(),
    bytes: z.int(),
    pii: z.null().describe('Masking of personal data is not in this version: nothing was looked for'),
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
    pii: null,
    poll_after_ms: done ? null : 500,
    links: {
      self,
      versions: `${self}/versions`,
      chunks: `${self}/chunks`,
      text: `${self}/versions/${row.version}/text`,
    },
  };
}

/** Parsing is counted as a tenth of the way, every vector as its share of the rest. */
function progressOf({ status, embedded, chunk_count }: DocumentRow): number {
  if (status === 'ready') return 1;
  if (status !== 'embedding') return 0;
  return 0.1 + 0.9 * (chunk_count === 0 ? 0 : Math.min(1, embedded / chunk_count));
}
