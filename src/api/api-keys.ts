import { z } from 'zod';
import { findKey, type KeyRow, listKeys } from '../db/api-keys.ts';
import { keyUsage } from '../db/key-usage.ts';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import { keyChangeRoutes } from './key-changes.ts';
import { keySchema, keysPath, toKey, usageSchema } from './key-resource.ts';
import { type AnyRoute, route } from './route.ts';
import { idParams, listOf, pageQuery } from './schemas.ts';

const admin = { scope: 'admin', tag: 'admin' } as const;

export function apiKeyRoutes(context: ApiContext): AnyRoute[] {
  return [...readRoutes(context), ...keyChangeRoutes(context)];
}

function readRoutes({ db, callers }: ApiContext): AnyRoute[] {
  const exists = (row: KeyRow | undefined): KeyRow => {
    if (!row) throw new AppError('not_found', 'There is no such API key.');
    return row;
  };
  return [
    route({
      ...admin,
      method: 'get',
      paths: [keysPath],
      summary: 'Keys, newest first; never the keys themselves',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page', schema: listOf(keySchema) } },
      handler: async ({ query }) => {
        const page = await listKeys(db, query);
        return { status: 200, body: { ...page, items: page.items.map((row) => toKey(row, callers)) } };
      },
    }),
    route({
      ...admin,
      method: 'get',
      paths: [`${keysPath}/{id}`],
      summary: 'A key',
      params: idParams,
      responses: { 200: { description: 'The key', schema: keySchema } },
      handler: async ({ params }) => ({
        status: 200,
        body: toKey(exists(await findKey(db, params.id)), callers),
      }),
    }),
    route({
      ...admin,
      method: 'get',
      paths: [`${keysPath}/{id}/usage`],
      summary: 'Requests by hour, newest first, a week at most; a second late at most',
      params: idParams,
      responses: { 200: { description: 'Usage', schema: usageSchema } },
      handler: async ({ params }) => {
        exists(await findKey(db, params.id));
        await callers.use.flush();
        return { status: 200, body: { hours: await keyUsage(db, params.id) } };
      },
    }),
  ];
}
