import { z } from 'zod';
import { findKey, insertKey, type KeyRow, keyUsage, listKeys, revokeKey, scopes } from '../db/api-keys.ts';
import { AppError } from '../errors.ts';
import { generateKey, hashKey, keyPrefix } from '../keys.ts';
import type { ApiContext } from './app.ts';
import { parseRange } from './auth.ts';
import { type AnyRoute, route } from './route.ts';
import { idParams, listOf, storable, timestamp } from './schemas.ts';

const request = z
  .strictObject({
    name: storable(z.string().trim().min(1).max(100)),
    scope: z.enum(scopes),
    permissions: z
      .array(z.string().min(1).max(100))
      .max(0, 'finer permissions are not in this version: leave it empty')
      .default([]),
    allowed_ips: z
      .array(
        z
          .string()
          .refine((entry) => parseRange(entry) !== undefined, 'must be an IP address or a CIDR range'),
      )
      .max(100)
      .default([]),
    rate_limit: z.int().min(1).max(1_000_000).default(100).describe('Requests per hour'),
    budget_usd_per_day: z
      .number()
      .positive('must be more than 0')
      .max(1_000_000)
      .nullable()
      .default(null)
      .describe('What language models may cost for this key in a day (UTC), US dollars; null: no limit'),
    expires_days: z.int().min(1).max(365).optional(),
  })
  .meta({ id: 'NewApiKey' });

const keySchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    scope: z.enum(scopes),
    permissions: z.array(z.string()),
    allowed_ips: z.array(z.string()),
    rate_limit: z.int(),
    budget_usd_per_day: z.number().nullable(),
    key_prefix: z.string(),
    created_by: z.string(),
    created_at: timestamp,
    expires_at: timestamp.nullable(),
    revoked_at: timestamp.nullable(),
    last_used_at: timestamp.nullable(),
    status: z.enum(['active', 'expired', 'revoked']),
  })
  .meta({ id: 'ApiKey' });

function toKey(row: KeyRow) {
  const expired = row.expires_at !== null && row.expires_at.getTime() <= Date.now();
  return { ...row, status: row.revoked_at ? 'revoked' : expired ? 'expired' : 'active' };
}

export function apiKeyRoutes({ config, db, secrets }: ApiContext): AnyRoute[] {
  const admin = { scope: 'admin', tag: 'admin' } as const;
  const exists = (row: KeyRow | undefined): KeyRow => {
    if (!row) throw new AppError('not_found', 'There is no such API key.');
    return row;
  };
  return [
    route({
      ...admin,
      method: 'post',
      paths: ['/api/v1/admin/api-keys'],
      summary: 'Create a key; it is shown once',
      body: request,
      responses: {
        201: { description: 'Created', schema: z.object({ api_key: z.string(), key_info: keySchema }) },
      },
      handler: async ({ body, caller }) => {
        const key = generateKey(config.ENVIRONMENT);
        const row = await insertKey(db, {
          name: body.name,
          scope: body.scope,
          permissions: body.permissions,
          allowedIps: body.allowed_ips,
          rateLimit: body.rate_limit,
          budgetUsdPerDay: body.budget_usd_per_day,
          expiresDays: body.expires_days ?? null,
          keyHash: hashKey(key, secrets.secretKey),
          keyPrefix: keyPrefix(key),
          createdBy: caller.name,
        });
        return {
          status: 201,
          body: { api_key: key, key_info: toKey(row) },
          headers: { Location: `/api/v1/admin/api-keys/${row.id}`, 'Cache-Control': 'no-store' },
        };
      },
    }),
    route({
      ...admin,
      method: 'get',
      paths: ['/api/v1/admin/api-keys'],
      summary: 'Keys, newest first; never the keys themselves',
      responses: { 200: { description: 'All of them', schema: listOf(keySchema) } },
      handler: async () => ({
        status: 200,
        body: { items: (await listKeys(db)).map(toKey), next_cursor: null },
      }),
    }),
    route({
      ...admin,
      method: 'get',
      paths: ['/api/v1/admin/api-keys/{id}'],
      summary: 'A key',
      params: idParams,
      responses: { 200: { description: 'The key', schema: keySchema } },
      handler: async ({ params }) => ({ status: 200, body: toKey(exists(await findKey(db, params.id))) }),
    }),
    route({
      ...admin,
      method: 'get',
      paths: ['/api/v1/admin/api-keys/{id}/usage'],
      summary: 'Requests by hour, newest first, a week at most',
      params: idParams,
      responses: {
        200: {
          description: 'Usage',
          schema: z.object({ hours: z.array(z.object({ hour: timestamp, requests: z.int() })) }),
        },
      },
      handler: async ({ params }) => {
        exists(await findKey(db, params.id));
        return { status: 200, body: { hours: await keyUsage(db, params.id) } };
      },
    }),
    route({
      ...admin,
      method: 'delete',
      paths: ['/api/v1/admin/api-keys/{id}'],
      summary: 'Revoke, at once and for good',
      params: idParams,
      responses: { 200: { description: 'The revoked key', schema: keySchema } },
      handler: async ({ params }) => ({ status: 200, body: toKey(exists(await revokeKey(db, params.id))) }),
    }),
  ];
}
