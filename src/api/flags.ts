import { z } from 'zod';
import { listFlagChanges } from '../db/flags.ts';
import { AppError } from '../errors.ts';
import type { FlagService, FlagState } from '../flag-service.ts';
import { flagKeys, knownFlag } from '../flags.ts';
import type { ApiContext } from './app.ts';
import type { Audit } from './audit.ts';
import { type AnyRoute, type Reply, route } from './route.ts';
import { greatestInteger, listOf, pageQuery, storable, timestamp } from './schemas.ts';

const flagSchema = z
  .object({
    key: z.enum(flagKeys),
    description: z.string(),
    default: z.boolean(),
    enabled: z.boolean(),
    rollout_percent: z.int(),
    source: z.enum(['kill', 'stored', 'env', 'default']),
    updated_at: timestamp.nullable(),
    updated_by: z.string().nullable(),
    reason: z.string().nullable(),
    version: z.int().describe('Of the stored value, one more with each change; 0: nothing is stored'),
  })
  .meta({ id: 'Flag' });

const value = z.object({ enabled: z.boolean(), rollout_percent: z.int(), killed: z.boolean() });
const changeSchema = z
  .object({
    key: z.string(),
    version: z.int(),
    at: timestamp,
    by: z.string(),
    reason: z.string(),
    before: value.nullable().describe('null: nothing was stored, the environment or the default held'),
    after: value,
  })
  .meta({ id: 'FlagChange' });

const reason = storable(z.string().trim().min(1).max(500));
const keyParams = z.strictObject({ key: z.string().max(100) });

const flagsPath = '/api/v1/admin/flags';
const admin = { scope: 'admin', tag: 'admin' } as const;
const shown = { 200: { description: 'The flag; its ETag is its version', schema: flagSchema } };

export function flagRoutes(context: ApiContext): AnyRoute[] {
  return [...readingRoutes(context), historyRoute(context), setRoute(context), killRoute(context)];
}

function readingRoutes({ flags }: ApiContext): AnyRoute[] {
  return [
    route({
      ...admin,
      method: 'get',
      paths: [flagsPath],
      summary: 'Every flag and where its value comes from',
      responses: { 200: { description: 'All of them', schema: z.object({ items: z.array(flagSchema) }) } },
      handler: async () => ({ status: 200, body: { items: await flags.list() } }),
    }),
    route({
      ...admin,
      method: 'get',
      paths: [`${flagsPath}/{key}`],
      summary: 'One flag',
      params: keyParams,
      responses: shown,
      handler: async ({ params }) => {
        const key = knownFlag(params.key);
        return reply((await flags.list()).find((state) => state.key === key) as FlagState);
      },
    }),
  ];
}

const versionCursor = z.coerce
  .number('pass next_cursor of the previous page')
  .int()
  .min(1)
  .max(greatestInteger);

function historyRoute({ db }: ApiContext): AnyRoute {
  return route({
    ...admin,
    method: 'get',
    paths: [`${flagsPath}/{key}/history`],
    summary: 'Who changed a flag, when, from what to what and why, newest first',
    params: keyParams,
    query: z.strictObject({ limit: pageQuery.limit, cursor: versionCursor.optional() }),
    responses: { 200: { description: 'A page', schema: listOf(changeSchema) } },
    handler: async ({ params, query: { limit, cursor } }) => ({
      status: 200,
      body: await listFlagChanges(db, knownFlag(params.key), { limit, before: cursor }),
    }),
  });
}

function setRoute({ flags }: ApiContext): AnyRoute {
  return route({
    ...admin,
    method: 'put',
    paths: [`${flagsPath}/{key}`],
    summary: 'Set a flag; in force at once, in every process within a second. If-Match: only at that version',
    params: keyParams,
    body: z.strictObject({
      enabled: z.boolean(),
      rollout_percent: z.int().min(0).max(100).default(100),
      reason,
    }),
    responses: { ...shown, 412: { description: 'It is not at the version of If-Match' } },
    handler: async ({ params, body, caller, audit, raw }) => {
      const change = {
        ...{ enabled: body.enabled, rolloutPercent: body.rollout_percent, reason: body.reason },
        ...{ by: caller.name, ifVersion: readIfMatch(raw.get('if-match')) },
      };
      return reply(await flags.set(knownFlag(params.key), change, inAudit(audit)));
    },
  });
}

function killRoute({ flags }: ApiContext): AnyRoute {
  return route({
    ...admin,
    method: 'post',
    paths: [`${flagsPath}/{key}/kill`],
    summary: 'Off for everybody, whatever else says on; setting the flag lifts it',
    params: keyParams,
    body: z.strictObject({ reason }),
    responses: shown,
    handler: async ({ params, body, caller, audit }) => {
      const change = {
        ...{ enabled: false, rolloutPercent: 0, reason: body.reason },
        ...{ by: caller.name, kill: true },
      };
      return reply(await flags.set(knownFlag(params.key), change, inAudit(audit)));
    },
  });
}

function inAudit(audit: Audit): Parameters<FlagService['set']>[2] {
  return (transaction, before, after) =>
    audit.write(transaction, { target: `${flagsPath}/${after.key}`, before, after });
}

function reply(flag: FlagState): Reply {
  return { status: 200, body: flag, headers: { ETag: `"${flag.version}"` } };
}

/** The version that If-Match names; undefined without one, or where it is `*`: a flag is always there. */
function readIfMatch(given: string | undefined): number | undefined {
  if (given === undefined || given.trim() === '*') return undefined;
  const version = /^"(\d{1,9})"$/.exec(given.trim())?.[1];
  if (version !== undefined) return Number(version);
  throw new AppError('validation_failed', 'If-Match must be the ETag of the flag, such as "3", or *.', {
    errors: [{ pointer: '/headers/if-match', message: 'give the ETag that the flag was read with' }],
  });
}
