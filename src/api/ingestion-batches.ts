import { z } from 'zod';
import { acceptDocuments, acceptingTransaction, type NewDocument } from '../db/accept-documents.ts';
import {
  type BatchRow,
  batchExists,
  cancelBatch,
  findBatch,
  insertBatch,
  listItems,
  retryBatch,
} from '../db/batches.ts';
import { AppError } from '../errors.ts';
import { urlPolicy } from '../net/url-policy.ts';
import type { ApiContext } from './app.ts';
import { refuseWhenFull } from './backpressure.ts';
import { documentBody, fromBody } from './new-document.ts';
import { type AnyRoute, route } from './route.ts';
import {
  documentAttributes,
  errorSummarySchema,
  idParams,
  listOf,
  pageQuery,
  positionCursor,
  timestamp,
} from './schemas.ts';
import { fileForm, fromUpload } from './upload.ts';

const { title: _title, external_id: _externalId, ...defaultsShape } = documentAttributes;
const itemStatuses = ['queued', 'in_progress', 'completed', 'unchanged', 'failed', 'cancelled'] as const;

const request = z
  .strictObject({
    items: z.array(documentBody).min(1).max(1000),
    defaults: z.strictObject(defaultsShape).optional().describe('For every item that does not say otherwise'),
    mode: z.literal('upsert').default('upsert'),
  })
  .meta({ id: 'NewBatch' });

const batchSchema = z
  .object({
    id: z.uuid(),
    status: z.enum(['in_progress', 'completed', 'cancelled']),
    is_terminal: z.boolean(),
    counts: z.object({ total: z.int(), ...Object.fromEntries(itemStatuses.map((name) => [name, z.int()])) }),
    progress: z.number(),
    rate_per_min: z.number().describe('Items that ended within the last minute'),
    eta_seconds: z.number().nullable().describe('null while nothing has ended within the last minute'),
    waiting: z.string().nullable().describe('Why nothing moves, in a sentence'),
    poll_after_ms: z.int().nullable(),
    created_at: timestamp,
    completed_at: timestamp.nullable(),
    links: z.object({ self: z.string(), items: z.string(), cancel: z.string(), retry: z.string() }),
  })
  .meta({ id: 'Batch' });

const itemSchema = z.object({
  n: z.int(),
  external_id: z.string().nullable(),
  document_id: z.uuid().nullable(),
  status: z.enum(itemStatuses),
  stage: z.string().nullable(),
  attempts: z.int(),
  error: errorSummarySchema.nullable(),
});

export function batchRoutes(context: ApiContext): AnyRoute[] {
  const { db, config, queues } = context;
  const show = async (id: string) => {
    const row = await findBatch(db, id);
    if (!row) throw new AppError('not_found', 'There is no such batch.');
    return toBatch(row, await whyWaiting(row, context));
  };
  const nudge = (versions: { documentId: string; version: number }[], priority: number) =>
    queues.enqueue('ingestDocument', versions, { priority });
  const create = route({
    method: 'post',
    paths: ['/api/v1/ingestion-batches'],
    scope: 'write',
    tag: 'ingestion',
    summary: 'Add or update many documents',
    creates: true,
    body: request,
    alsoAccepts: { 'multipart/form-data': fileForm },
    maxFiles: 100,
    responses: { 202: { description: 'Accepted', schema: batchSchema } },
    handler: async ({ body, upload, caller, workId: id }) => {
      await refuseWhenFull(context, 'ingestion');
      const documents = upload
        ? fromUpload(upload)
        : body.items.map((item, n) =>
            fromBody(withDefaults(item, body.defaults), urlPolicy(config), `/items/${n}`),
          );
      const options = { apiKeyId: caller.id, createPaths: config.AUTO_CREATE_TAXONOMY };
      const accepted = await acceptingTransaction(db, async (trx) => {
        if (await batchExists(trx, id)) return [];
        const accepted = await acceptDocuments(trx, documents, options);
        const names = documents.map((document) => document.externalId);
        await insertBatch(trx, id, caller.id, names, accepted);
        return accepted;
      });
      for (const [priority, versions] of byPriority(documents, accepted)) await nudge(versions, priority);
      return {
        status: 202,
        body: await show(id),
        headers: { Location: `/api/v1/ingestion-batches/${id}`, 'Retry-After': '1' },
      };
    },
  });
  const one = {
    tag: 'ingestion',
    params: idParams,
    responses: { 200: { description: 'The batch', schema: batchSchema } },
  } as const;
  return [
    create,
    route({
      ...one,
      method: 'get',
      paths: ['/api/v1/ingestion-batches/{id}'],
      scope: 'read',
      summary: 'How far a batch got',
      handler: async ({ params }) => ({ status: 200, body: await show(params.id) }),
    }),
    route({
      method: 'get',
      paths: ['/api/v1/ingestion-batches/{id}/items'],
      scope: 'read',
      tag: 'ingestion',
      summary: 'Items of a batch with their state',
      params: idParams,
      query: z.strictObject({
        ...pageQuery,
        cursor: positionCursor,
        status: z.enum(itemStatuses).optional(),
      }),
      responses: { 200: { description: 'A page', schema: listOf(itemSchema) } },
      handler: async ({ params, query }) => {
        await show(params.id);
        const rows = await listItems(db, params.id, {
          status: query.status,
          from: query.cursor,
          limit: query.limit + 1,
        });
        const next = rows[query.limit];
        return {
          status: 200,
          body: { items: rows.slice(0, query.limit), next_cursor: next ? String(next.n) : null },
        };
      },
    }),
    route({
      ...one,
      method: 'post',
      paths: ['/api/v1/ingestion-batches/{id}/cancel'],
      scope: 'write',
      summary: 'Stop what has not ended yet',
      handler: async ({ params }) => {
        await show(params.id);
        await cancelBatch(db, params.id);
        return { status: 200, body: await show(params.id) };
      },
    }),
    route({
      ...one,
      method: 'post',
      paths: ['/api/v1/ingestion-batches/{id}/retry'],
      scope: 'write',
      summary: 'Try the failed items again',
      handler: async ({ params }) => {
        await show(params.id);
        await nudge(await retryBatch(db, params.id), 5);
        return { status: 200, body: await show(params.id) };
      },
    }),
  ];
}

type Item = z.output<typeof documentBody>;

function withDefaults(item: Item, defaults: z.output<typeof request>['defaults']): Item {
  if (!defaults) return item;
  return { ...defaults, ...item, metadata: { ...defaults.metadata, ...item.metadata } };
}

function byPriority(
  documents: readonly NewDocument[],
  accepted: readonly { documentId: string; version: number; outcome: string }[],
) {
  const groups = new Map<number, { documentId: string; version: number }[]>();
  accepted.forEach(({ documentId, version, outcome }, n) => {
    if (outcome !== 'accepted') return;
    const priority = documents[n]?.priority as number;
    groups.set(priority, [...(groups.get(priority) ?? []), { documentId, version }]);
  });
  return groups;
}

function toBatch(row: BatchRow, waiting: string | null) {
  const { counts } = row;
  const unfinished = counts.queued + counts.in_progress;
  const status = row.cancelled_at ? 'cancelled' : unfinished === 0 ? 'completed' : 'in_progress';
  const self = `/api/v1/ingestion-batches/${row.id}`;
  return {
    id: row.id,
    status,
    is_terminal: unfinished === 0,
    counts,
    progress: counts.total === 0 ? 1 : (counts.total - unfinished) / counts.total,
    rate_per_min: row.recent,
    eta_seconds: unfinished === 0 ? 0 : row.recent === 0 ? null : Math.round((unfinished / row.recent) * 60),
    waiting,
    poll_after_ms: unfinished === 0 ? null : 1000,
    created_at: row.created_at,
    completed_at: row.completed_at,
    links: { self, items: `${self}/items`, cancel: `${self}/cancel`, retry: `${self}/retry` },
  };
}

async function whyWaiting(row: BatchRow, { queues, workers }: ApiContext): Promise<string | null> {
  if (row.counts.queued === 0) return null;
  const count = (await workers()).filter((worker) => worker.queues.includes('ingestion')).length;
  if (count === 0) return 'No worker takes the ingestion queue: start one.';
  const depth = (await queues.depths())?.get('ingestion');
  if (!depth)
    return 'The store of the queues does not answer; the documents are safe and will be taken up when it does.';
  return `${depth.waiting} document(s) wait in the ingestion queue, ${count} worker(s) take them.`;
}
