import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { mayBeRestricted, unrestrictable } from '../access.ts';
import { holdKey, insertKey, type KeyRow, revokeKey, rotateKey, updateKey } from '../db/api-keys.ts';
import { holdAssistant } from '../db/assistants.ts';
import type { Db } from '../db/connect.ts';
import { AppError } from '../errors.ts';
import { generateKey, hashKey, keyPrefix } from '../keys.ts';
import type { ApiContext } from './app.ts';
import type { Audit } from './audit.ts';
import {
  keyChangeSchema,
  keySchema,
  keysPath,
  newKeySchema,
  rotationSchema,
  shownOnceSchema,
  toKey,
} from './key-resource.ts';
import { type AnyRoute, route } from './route.ts';
import { idParams } from './schemas.ts';

const admin = { scope: 'admin', tag: 'admin' } as const;

export function keyChangeRoutes(context: ApiContext): AnyRoute[] {
  return [createRoute(context), rotateRoute(context), ...editRoutes(context)];
}

function createRoute({ config, db, secrets, callers }: ApiContext): AnyRoute {
  return route({
    ...admin,
    method: 'post',
    paths: [keysPath],
    summary: 'Create a key; it is shown once',
    body: newKeySchema,
    responses: { 201: { description: 'Created', schema: shownOnceSchema } },
    handler: async ({ body, caller, audit }) => {
      const id = randomUUID();
      const key = generateKey(config.ENVIRONMENT, id);
      const row = await db.transaction(async (transaction) => {
        await refuseUnknownAssistant(transaction, body.assistant_id);
        const made = await insertKey(transaction, {
          id,
          name: body.name,
          scope: body.scope,
          permissions: body.permissions,
          allowedIps: body.allowed_ips,
          rateLimit: body.rate_limit,
          burst: body.burst ?? null,
          budgetUsdPerDay: body.budget_usd_per_day,
          assistantId: body.assistant_id,
          expiresDays: body.expires_days ?? null,
          keyHash: hashKey(key, secrets.secretKey),
          keyPrefix: keyPrefix(key),
          createdBy: caller.name,
        });
        await audit.write(transaction, { target: `${keysPath}/${id}`, after: toKey(made, callers) });
        return made;
      });
      return { ...shownOnce(key, toKey(row, callers)), status: 201 };
    },
  });
}

function shownOnce(key: string, info: ReturnType<typeof toKey>) {
  return {
    body: { api_key: key, key_info: info },
    headers: { Location: `${keysPath}/${info.id}`, 'Cache-Control': 'no-store' },
  };
}

function rotateRoute(context: ApiContext): AnyRoute {
  const { config, secrets, callers } = context;
  return route({
    ...admin,
    method: 'post',
    paths: [`${keysPath}/{id}/rotate`],
    summary: 'A new secret for the same key, shown once; the one so far works until the overlap ends',
    params: idParams,
    body: rotationSchema,
    responses: { 200: { description: 'Rotated', schema: shownOnceSchema } },
    handler: async ({ params, body, audit }) => {
      const key = generateKey(config.ENVIRONMENT, params.id);
      const secret = { keyHash: hashKey(key, secrets.secretKey), keyPrefix: keyPrefix(key) };
      const row = await changeKey(context, params.id, audit, (transaction) =>
        rotateKey(transaction, params.id, { ...secret, overlapSeconds: body.overlap_seconds }),
      );
      return { ...shownOnce(key, toKey(row, callers)), status: 200 };
    },
  });
}

function editRoutes(context: ApiContext): AnyRoute[] {
  const { callers } = context;
  const one = { ...admin, paths: [`${keysPath}/{id}`], params: idParams } as const;
  return [
    route({
      ...one,
      method: 'patch',
      summary: 'Change what is given; in force in every process within a second',
      body: keyChangeSchema,
      responses: { 200: { description: 'The key', schema: keySchema } },
      handler: async ({ params, body, audit }) => {
        const change = {
          name: body.name,
          scope: body.scope,
          permissions: body.permissions,
          allowedIps: body.allowed_ips,
          rateLimit: body.rate_limit,
          burst: body.burst,
          budgetUsdPerDay: body.budget_usd_per_day,
          assistantId: body.assistant_id,
          expiresDays: body.expires_days,
        };
        const row = await changeKey(context, params.id, audit, async (transaction) => {
          await refuseUnknownAssistant(transaction, body.assistant_id);
          return updateKey(transaction, params.id, change);
        });
        return { status: 200, body: toKey(row, callers) };
      },
    }),
    route({
      ...one,
      method: 'delete',
      summary: 'Revoke, for good; in force in every process within a second',
      responses: { 200: { description: 'The revoked key', schema: keySchema } },
      handler: async ({ params, audit }) => {
        const row = await changeKey(
          context,
          params.id,
          audit,
          async (transaction) => (await revokeKey(transaction, params.id)) as KeyRow,
          true,
        );
        return { status: 200, body: toKey(row, callers) };
      },
    }),
  ];
}

/** The change and its audit entry, in one transaction. Throws `conflict` for a revoked key, which stays as it is. */
async function changeKey(
  { db, callers }: ApiContext,
  id: string,
  audit: Audit,
  change: (transaction: Knex.Transaction) => Promise<KeyRow>,
  revokedToo = false,
): Promise<KeyRow> {
  const row = await db.transaction(async (transaction) => {
    const before = await holdKey(transaction, id);
    if (!before) throw new AppError('not_found', 'There is no such API key.');
    if (before.revoked_at && !revokedToo)
      throw new AppError('conflict', 'This API key is revoked for good: create a new one.');
    const after = await change(transaction);
    refuseRestrictedAdmin(after);
    await audit.write(transaction, { before: toKey(before, callers), after: toKey(after, callers) });
    return after;
  });
  callers.known.forget();
  return row;
}

async function refuseUnknownAssistant(db: Db, id: string | null | undefined): Promise<void> {
  if (id === null || id === undefined || (await holdAssistant(db, id))) return;
  const message = 'there is no such assistant: create it first, or give null';
  throw new AppError('validation_failed', `/assistant_id: ${message}.`, {
    errors: [{ pointer: '/assistant_id', message }],
  });
}

/** The scope may have been changed, or the permissions: it is the key as it would be that counts. */
function refuseRestrictedAdmin(key: KeyRow): void {
  if (mayBeRestricted(key)) return;
  const { error: message, path } = unrestrictable;
  const pointer = `/${path.join('/')}`;
  throw new AppError('validation_failed', `${pointer}: ${message}.`, { errors: [{ pointer, message }] });
}
