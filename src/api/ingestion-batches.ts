import { z } from 'zod';
import { principalOf } from '../access.ts';
import { cancelBatch, retryBatch } from '../db/batch-changes.ts';
import { type BatchRow, findBatch, listBatches, listItems } from '../db/batches.ts';
import { AppError } from '../errors.ts';
import { nudgeEmbedding, nudgeIngestion } from '../jobs/nudge-versions.ts';
import type { ApiContext } from './app.ts';
import { batchEventRoute } from './batch-events.ts';
import { batchesPath, batchSchema, itemSchema, itemStatuses, toBatch, toItem } from './batch-resource.ts';
import { whyWaiting } from './batch-waiting.ts';
import { createBatchRoute } from './new-batch.ts';
import { type AnyRoute, type Caller, route } from './route.ts';
import { idParams, listOf, pageQuery, positionCursor } from './schemas.ts';

interface Deps {
  context: ApiContext;
  mustExist: (id: string, caller: Caller) => Promise<BatchRow>;
  present: (row: BatchRow) => Promise<unknown>;
}

export function batchRoutes(context: ApiContext): AnyRoute[] {
  const mustExist = async (id: string, caller: Caller) => {
    const row = await findBatch(context.db, id, principalOf(caller));
    if (!row) throw new AppError('not_found', 'There is no such batch.');
    return row;
  };
  const present = async (row: BatchRow) => toBatch(row, await whyWaiting(row, context));
  const deps = { context, mustExist, present };
  return [
    createBatchRoute(context, async (id, caller) => present(await mustExist(id, caller))),
    ...readRoutes(deps),
    batchEventRoute(context, mustExist),
    cancelRoute(deps),
    retryRoute(deps),
  ];
}

const one = {
  tag: 'ingestion',
  params: idParams,
  responses: { 200: { description: 'The batch', schema: batchSchema } },
} as const;

function readRoutes({ context: { db }, mustExist, present }: Deps): AnyRoute[] {
  return [
    route({
      method: 'get',
      paths: [batchesPath],
      scope: 'read',
      tag: 'ingestion',
      summary: 'Batches, newest first',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page', schema: listOf(batchSchema) } },
      handler: async ({ query, caller }) => {
        const page = await listBatches(db, query, principalOf(caller));
        const items: unknown[] = [];
        for (const row of page.items) items.push(await present(row));
        return { status: 200, body: { items, next_cursor: page.next_cursor } };
      },
    }),
    route({
      ...one,
      method: 'get',
      paths: [`${batchesPath}/{id}`],
      scope: 'read',
      summary: 'How far a batch got',
      handler: async ({ params, caller }) => ({
        status: 200,
        body: await present(await mustExist(params.id, caller)),
      }),
    }),
    route({
      method: 'get',
      paths: [`${batchesPath}/{id}/items`],
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
      handler: async ({ params, query, caller }) => {
        await mustExist(params.id, caller);
        const rows = await listItems(db, params.id, {
          status: query.status,
          from: query.cursor,
          limit: query.limit + 1,
        });
        const next = rows[query.limit];
        return {
          status: 200,
          body: { items: rows.slice(0, query.limit).map(toItem), next_cursor: next ? String(next.n) : null },
        };
      },
    }),
  ];
}

function cancelRoute({ context: { db }, mustExist, present }: Deps): AnyRoute {
  return route({
    ...one,
    method: 'post',
    paths: [`${batchesPath}/{id}/cancel`],
    scope: 'write',
    summary: 'Stop what has not ended yet, also what is being worked on or still received',
    handler: async ({ params, caller }) => {
      await mustExist(params.id, caller);
      await cancelBatch(db, params.id);
      return { status: 200, body: await present(await mustExist(params.id, caller)) };
    },
  });
}

function retryRoute({ context: { db, queues }, mustExist, present }: Deps): AnyRoute {
  return route({
    ...one,
    method: 'post',
    paths: [`${batchesPath}/{id}/retry`],
    scope: 'write',
    summary:
      'Try the failed items again, each from the stage that it failed in; a cancelled batch stays as it is',
    handler: async ({ params, caller }) => {
      const { cancelled_at } = await mustExist(params.id, caller);
      const again = cancelled_at ? [] : await retryBatch(db, params.id, caller.access);
      const deps = { db, enqueue: queues.enqueue };
      const of = (status: string) => again.filter((version) => version.status === status);
      await nudgeIngestion(deps, of('queued'));
      await nudgeEmbedding(deps, of('embedding'));
      return { status: 200, body: await present(await mustExist(params.id, caller)) };
    },
  });
}
