import { z } from 'zod';
import { listToolCalls } from '../db/tool-calls.ts';
import { listToolServers } from '../db/tool-servers.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { listOf, pageQuery, storable, timestamp } from './schemas.ts';

const serverSchema = z
  .object({
    name: z.string(),
    kind: z.enum(['builtin', 'stdio', 'http']),
    condition: z
      .enum(['unopened', 'ready', 'failed'])
      .describe('As the worker that last had to do with it found it; unopened: nobody needed it yet'),
    detail: z.string().nullable(),
    tools: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        allowed: z
          .object({ policy_on: z.boolean(), policy_off: z.boolean() })
          .describe('With the flag tools_policy and without it, to a key of scope admin'),
      }),
    ),
    refused: z
      .array(z.object({ name: z.string(), reason: z.string() }))
      .describe('Tools that the server has and nobody is offered'),
    updated_at: timestamp,
  })
  .meta({ id: 'ToolServer' });

const callSchema = z
  .object({
    id: z.uuid(),
    answer_id: z.uuid(),
    api_key_id: z.uuid(),
    tool: z.string(),
    decision: z.enum(['allowed', 'denied']),
    reason: z
      .string()
      .describe(
        'builtin, listed; not_listed, scope, key, arguments, rule, answer_budget, day_budget, or why there was nothing to call',
      ),
    arguments_hash: z
      .string()
      .nullable()
      .describe('SHA-256 of the arguments, which are not kept; null once the answer was deleted'),
    outcome: z
      .string()
      .nullable()
      .describe('ok, timeout, too_large, bad_output, failed, …; null: denied, under way, or its worker died'),
    ms: z.number().nullable(),
    bytes: z.int().nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'ToolCall' });

export function toolRoutes({ db }: ApiContext): AnyRoute[] {
  const shared = { method: 'get', scope: 'admin', tag: 'admin' } as const;
  return [
    route({
      ...shared,
      paths: ['/api/v1/admin/tools'],
      summary: 'Tools that answers may call, and how their servers are',
      responses: {
        200: { description: 'All servers', schema: z.object({ items: z.array(serverSchema) }) },
      },
      handler: async () => ({ status: 200, body: { items: await listToolServers(db) } }),
    }),
    route({
      ...shared,
      paths: ['/api/v1/admin/tools/calls'],
      summary: 'Which tools were called and which calls were refused, newest first',
      query: z.strictObject({
        ...pageQuery,
        tool: storable(z.string().min(1).max(110)).optional(),
        decision: z.enum(['allowed', 'denied']).optional(),
        answer_id: z.uuid().optional(),
      }),
      responses: { 200: { description: 'A page', schema: listOf(callSchema) } },
      handler: async ({ query: { answer_id: answerId, ...query } }) => ({
        status: 200,
        body: await listToolCalls(db, { ...query, answerId }),
      }),
    }),
  ];
}
