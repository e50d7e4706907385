import { z } from 'zod';
import { beginReclaim, rollbackGeneration, switchGeneration } from '../db/generation-switch.ts';
import { type CountedGeneration, findGeneration, listGenerations } from '../db/generations.ts';
import { AppError } from '../errors.ts';
import { estimateGeneration, nudgeBuilding, startGeneration } from '../generations.ts';
import { embeddingProviderNames } from '../models/embedders.ts';
import { type Prices, readPrices } from '../models/prices.ts';
import type { ApiContext } from './app.ts';
import { chooseModel, proveUsable } from './generation-model.ts';
import { estimateSchema, generationSchema, generationsPath, toGeneration } from './generation-resource.ts';
import { type AnyRoute, route } from './route.ts';
import { idParams, listOf, pageQuery, storable } from './schemas.ts';

const request = z
  .strictObject({
    provider: z.enum(embeddingProviderNames),
    model: storable(z.string().trim().min(1).max(200))
      .optional()
      .describe('Name without dimensions; as configured when left out'),
    dimensions: z.int().min(64).max(3072).optional().describe('gemini: as configured when left out'),
    dry_run: z.boolean().default(false).describe('Only says what it would take'),
  })
  .meta({ id: 'NewGeneration' });

const admin = { scope: 'admin', tag: 'embeddings' } as const;

export function generationRoutes(context: ApiContext): AnyRoute[] {
  const get = async (id: string): Promise<CountedGeneration> => {
    const row = await findGeneration(context.db, id);
    if (!row) throw new AppError('not_found', 'There is no such generation.');
    return row;
  };
  return [createRoute(context, get), ...readRoutes(context, get), ...changeRoutes(context, get)];
}

type Get = (id: string) => Promise<CountedGeneration>;

function createRoute(context: ApiContext, get: Get): AnyRoute {
  const { config, db, queues } = context;
  return route({
    ...admin,
    method: 'post',
    paths: [generationsPath],
    summary: 'Build vectors of another embedding model beside those that search reads',
    creates: true,
    body: request,
    responses: {
      200: { description: 'dry_run: what it would take', schema: estimateSchema },
      202: { description: 'Being built', schema: generationSchema },
    },
    handler: async ({ body, workId, audit }) => {
      const embedder = await chooseModel(body, context);
      const { model, dimensions } = embedder;
      const chosen = { provider: body.provider, model, dimensions };
      const estimating = {
        prices: readPrices(config.EMBEDDING_PRICES) as Prices,
        chunkContext: config.CHUNK_CONTEXT,
      };
      if (body.dry_run) {
        audit.drop();
        const estimate = await estimateGeneration(db, chosen, estimating);
        return { status: 200, body: { ...chosen, dry_run: true, ...estimate } };
      }
      await proveUsable(embedder);
      const { id } = await startGeneration({ db, enqueue: queues.enqueue, ...estimating }, workId, chosen);
      audit.note({ target: `${generationsPath}/${id}`, after: chosen });
      return { ...accepted(await get(id)), status: 202 };
    },
  });
}

/** What the audit log tells of a generation. */
function brief({ id, model, status }: CountedGeneration) {
  return { id, model, status };
}

function accepted(row: CountedGeneration) {
  const body = toGeneration(row);
  return { body, headers: { Location: body.links.self, 'Retry-After': '1' } };
}

function readRoutes({ db }: ApiContext, get: Get): AnyRoute[] {
  return [
    route({
      ...admin,
      method: 'get',
      paths: [generationsPath],
      summary: 'Embedding generations, newest first',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page', schema: listOf(generationSchema) } },
      handler: async ({ query }) => {
        const page = await listGenerations(db, query);
        return { status: 200, body: { ...page, items: page.items.map(toGeneration) } };
      },
    }),
    route({
      ...admin,
      method: 'get',
      paths: [`${generationsPath}/{id}`],
      summary: 'How far a generation got, and how it compares',
      params: idParams,
      responses: { 200: { description: 'The generation', schema: generationSchema } },
      handler: async ({ params }) => ({ status: 200, body: toGeneration(await get(params.id)) }),
    }),
  ];
}

function changeRoutes({ db, embedders, queues }: ApiContext, get: Get): AnyRoute[] {
  const shown = { 200: { description: 'The live generation', schema: generationSchema } };
  const usable = async (row: CountedGeneration) => {
    await proveUsable(await embedders.of(row));
    if (row.embedded < row.chunks) await nudgeBuilding(queues.enqueue, [row.id]);
  };
  return [
    route({
      ...admin,
      method: 'post',
      paths: [`${generationsPath}/{id}/switch`],
      summary: 'Make a generation the one that search reads, from the next request on',
      params: idParams,
      responses: shown,
      handler: async ({ params, audit }) => {
        const before = await get(params.id);
        await usable(before);
        await switchGeneration(db, params.id);
        const after = await get(params.id);
        audit.note({ before: brief(before), after: brief(after) });
        return { status: 200, body: toGeneration(after) };
      },
    }),
    route({
      ...admin,
      method: 'post',
      paths: [`${generationsPath}/{id}/rollback`],
      summary: 'Go back from the live generation to the one that it replaced',
      params: idParams,
      responses: shown,
      handler: async ({ params, audit }) => {
        const before = await get(params.id);
        if (before.replaces) await usable(await get(before.replaces));
        const after = await get(await rollbackGeneration(db, params.id));
        audit.note({ before: brief(before), after: brief(after) });
        return { status: 200, body: toGeneration(after) };
      },
    }),
    route({
      ...admin,
      method: 'delete',
      paths: [`${generationsPath}/{id}`],
      summary: 'Take the vectors of a generation away that search does not read',
      params: idParams,
      responses: {
        200: { description: 'It is gone already', schema: generationSchema },
        202: { description: 'Being taken away', schema: generationSchema },
      },
      handler: async ({ params, audit }) => {
        const before = await get(params.id);
        const { id } = before;
        if (await beginReclaim(db, id)) await queues.enqueue('reclaimGeneration', [{ generationId: id }]);
        const row = await get(id);
        audit.note({ before: brief(before), after: brief(row) });
        return { ...accepted(row), status: row.status === 'reclaimed' ? 200 : 202 };
      },
    }),
  ];
}
