import { z } from 'zod';
import {
  changeWebhook,
  deleteWebhook,
  findWebhook,
  insertWebhook,
  listWebhooks,
  rotateWebhookSecret,
  type WebhookRow,
} from '../db/webhooks.ts';
import { AppError } from '../errors.ts';
import { checkDestination, webhookReach } from '../webhooks/destinations.ts';
import { createSealer } from '../webhooks/sealer.ts';
import { generateSigningSecret } from '../webhooks/signing.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, type Caller, type Reply, route } from './route.ts';
import { idParams, listOf, pageQuery, storable } from './schemas.ts';
import {
  destination,
  eventList,
  overlap,
  ownerOf,
  secretField,
  toWebhook,
  webhookSchema,
  webhooksPath,
} from './webhook-resource.ts';

/** Webhooks a key may have. */
const mostPerKey = 50;

const description = storable(z.string().max(200));
const request = z
  .strictObject({
    url: destination,
    events: eventList,
    description: description.optional(),
    secret: secretField.optional().describe('One is made when left out'),
    all_keys: z
      .boolean()
      .default(false)
      .describe("Told of what every key's work comes to; needs scope admin"),
  })
  .meta({ id: 'NewWebhook' });

const change = z
  .strictObject({
    url: destination.optional(),
    events: eventList.optional(),
    description: description.nullable().optional(),
    enabled: z
      .boolean()
      .optional()
      .describe('false cancels what waits to be sent; true begins anew with what happens from then on'),
  })
  .meta({ id: 'WebhookChange' });

const withSecret = z.object({ secret: z.string().describe('Shown this once'), webhook: webhookSchema });

const write = { scope: 'write', tag: 'webhooks' } as const;
const one = { ...write, params: idParams } as const;
/** A secret stays in no cache, and not with an Idempotency-Key either. */
const unkept = { 'Cache-Control': 'no-store' };

type Get = (caller: Caller, id: string) => Promise<WebhookRow>;

export function webhookRoutes(context: ApiContext): AnyRoute[] {
  const { db } = context;
  const get: Get = async (caller, id) => {
    const row = await findWebhook(db, ownerOf(caller), id);
    if (!row) throw new AppError('not_found', 'There is no such webhook.');
    return row;
  };
  return [
    createRoute(context),
    route({
      ...write,
      method: 'get',
      paths: [webhooksPath],
      summary: 'Webhooks of the key, newest first; of all keys for an admin',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page', schema: listOf(webhookSchema) } },
      handler: async ({ query, caller }) => {
        const page = await listWebhooks(db, ownerOf(caller), query);
        return { status: 200, body: { ...page, items: page.items.map(toWebhook) } };
      },
    }),
    route({
      ...one,
      method: 'get',
      paths: [`${webhooksPath}/{id}`],
      summary: 'A webhook, and how it fares',
      responses: { 200: { description: 'The webhook', schema: webhookSchema } },
      handler: async ({ params, caller }) => ({
        status: 200,
        body: toWebhook(await get(caller, params.id)),
      }),
    }),
    ...changeRoutes(context, get),
    rotateRoute(context, get),
  ];
}

function createRoute({ config, db, secrets }: ApiContext): AnyRoute {
  return route({
    ...write,
    method: 'post',
    paths: [webhooksPath],
    summary: 'Be told when something has ended; the secret is shown once',
    body: request,
    responses: { 201: { description: 'Registered', schema: withSecret } },
    handler: async ({ body, caller }) => {
      if (body.all_keys && caller.scope !== 'admin')
        throw new AppError('forbidden', 'all_keys needs a key with scope admin: leave it out.');
      checkDestination(new URL(body.url), webhookReach(config));
      const secret = body.secret ?? generateSigningSecret();
      const row = await insertWebhook(
        db,
        {
          apiKeyId: caller.id,
          allKeys: body.all_keys,
          url: body.url,
          description: body.description ?? null,
          events: body.events,
          secret: createSealer(secrets.secretKey).seal(secret),
        },
        mostPerKey,
      );
      if (!row)
        throw new AppError('conflict', `This key has ${mostPerKey} webhooks already: delete one first.`);
      const headers = { ...unkept, Location: `${webhooksPath}/${row.id}` };
      return { status: 201, body: { secret, webhook: toWebhook(row) }, headers };
    },
  });
}

function changeRoutes({ config, db }: ApiContext, get: Get): AnyRoute[] {
  return [
    route({
      ...one,
      method: 'patch',
      paths: [`${webhooksPath}/{id}`],
      summary: 'Change what is given; enable and disable',
      body: change,
      responses: { 200: { description: 'The webhook', schema: webhookSchema } },
      handler: async ({ params, body, caller }) => {
        const { id } = await get(caller, params.id);
        if (body.url !== undefined) checkDestination(new URL(body.url), webhookReach(config));
        await changeWebhook(db, id, body);
        return { status: 200, body: toWebhook(await get(caller, id)) };
      },
    }),
    route({
      ...one,
      method: 'delete',
      paths: [`${webhooksPath}/{id}`],
      summary: 'Delete it, with its deliveries',
      responses: { 204: { description: 'Gone' } },
      handler: async ({ params, caller }): Promise<Reply> => {
        const { id } = await get(caller, params.id);
        await deleteWebhook(db, id);
        return { status: 204 };
      },
    }),
  ];
}

function rotateRoute({ db, secrets }: ApiContext, get: Get): AnyRoute {
  return route({
    ...one,
    method: 'post',
    paths: [`${webhooksPath}/{id}/rotate-secret`],
    summary: 'A new secret, shown once; for a while the old one signs as well',
    body: overlap,
    responses: { 200: { description: 'Rotated', schema: withSecret } },
    handler: async ({ params, body, caller }) => {
      const { id } = await get(caller, params.id);
      const secret = body.secret ?? generateSigningSecret();
      const sealed = createSealer(secrets.secretKey).seal(secret);
      await rotateWebhookSecret(db, id, sealed, body.overlap_seconds);
      return { status: 200, body: { secret, webhook: toWebhook(await get(caller, id)) }, headers: unkept };
    },
  });
}
