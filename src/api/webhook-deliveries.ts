import { z } from 'zod';
import {
  deliveryStatuses,
  findDelivery,
  insertPing,
  listDeliveries,
  ownsAnswer,
  redeliver,
} from '../db/webhook-deliveries.ts';
import { findWebhook } from '../db/webhooks.ts';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, type Caller, route } from './route.ts';
import { idParams, listOf, pageQuery } from './schemas.ts';
import {
  deliveriesPath,
  deliveryDetailSchema,
  deliverySchema,
  ownerOf,
  toDelivery,
  webhooksPath,
} from './webhook-resource.ts';

const query = z.strictObject({ ...pageQuery, status: z.enum(deliveryStatuses).optional() });
const page = { 200: { description: 'A page', schema: listOf(deliverySchema) } };
const shared = { tag: 'webhooks', params: idParams } as const;

export function webhookDeliveryRoutes(context: ApiContext): AnyRoute[] {
  const { db } = context;
  return [
    route({
      ...shared,
      scope: 'write',
      method: 'get',
      paths: [`${webhooksPath}/{id}/deliveries`],
      summary: 'What was sent to a webhook or waits to be, newest first',
      query,
      responses: page,
      handler: async ({ params, query, caller }) => {
        const owner = ownerOf(caller);
        if (!(await findWebhook(db, owner, params.id)))
          throw new AppError('not_found', 'There is no such webhook.');
        const found = await listDeliveries(db, { ...query, owner, webhookId: params.id });
        return { status: 200, body: { ...found, items: found.items.map(toDelivery) } };
      },
    }),
    route({
      ...shared,
      scope: 'read',
      method: 'get',
      paths: ['/api/v1/answers/{id}/webhook-deliveries'],
      summary: 'Whom the end of an answer was told, newest first',
      query,
      responses: page,
      handler: async ({ params, query, caller }) => {
        const owner = ownerOf(caller);
        if (!(await ownsAnswer(db, owner, params.id)))
          throw new AppError('not_found', 'There is no such answer, or its time has passed.');
        const found = await listDeliveries(db, { ...query, owner, subjectId: params.id });
        return { status: 200, body: { ...found, items: found.items.map(toDelivery) } };
      },
    }),
    pingRoute(context),
    ...oneDelivery(context),
  ];
}

function pingRoute({ db, queues }: ApiContext): AnyRoute {
  return route({
    ...shared,
    scope: 'write',
    method: 'post',
    paths: [`${webhooksPath}/{id}/ping`],
    summary: 'Send a webhook.ping, to see whether it arrives and verifies',
    responses: { 202: { description: 'Waits to be sent', schema: deliveryDetailSchema } },
    handler: async ({ params, caller }) => {
      const owner = ownerOf(caller);
      if (!(await findWebhook(db, owner, params.id)))
        throw new AppError('not_found', 'There is no such webhook.');
      const id = await insertPing(db, params.id);
      const delivery = id && (await findDelivery(db, owner, id));
      if (!delivery) throw new AppError('conflict', 'The webhook is disabled: enable it first.');
      await queues.enqueue('deliverWebhook', [{ deliveryId: delivery.id }]);
      const headers = { Location: `${deliveriesPath}/${id}`, 'Retry-After': '1' };
      return { status: 202, body: toDelivery(delivery), headers };
    },
  });
}

function oneDelivery({ db, queues }: ApiContext): AnyRoute[] {
  const get = async (caller: Caller, id: string) => {
    const row = await findDelivery(db, ownerOf(caller), id);
    if (!row) throw new AppError('not_found', 'There is no such delivery, or its time has passed.');
    return toDelivery(row);
  };
  return [
    route({
      ...shared,
      scope: 'read',
      method: 'get',
      paths: [`${deliveriesPath}/{id}`],
      summary: 'A delivery: what is sent, and what came of each try',
      responses: { 200: { description: 'The delivery', schema: deliveryDetailSchema } },
      handler: async ({ params, caller }) => ({ status: 200, body: await get(caller, params.id) }),
    }),
    route({
      ...shared,
      scope: 'write',
      method: 'post',
      paths: [`${deliveriesPath}/{id}/redeliver`],
      summary: 'Send it again now, with the same webhook-id',
      responses: { 202: { description: 'Waits to be sent', schema: deliveryDetailSchema } },
      handler: async ({ params, caller }) => {
        const { id } = await get(caller, params.id);
        if (!(await redeliver(db, id)))
          throw new AppError('conflict', 'It is being sent at this moment, or its webhook is disabled.');
        await queues.enqueue('deliverWebhook', [{ deliveryId: id }]);
        const headers = { Location: `${deliveriesPath}/${id}`, 'Retry-After': '1' };
        return { status: 202, body: await get(caller, id), headers };
      },
    }),
  ];
}
