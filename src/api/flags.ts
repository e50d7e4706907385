import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { FlagState } from '../flag-service.ts';
import { type FlagKey, flagKeys } from '../flags.ts';
import type { ApiContext } from './app.ts';
import type { Audit } from './audit.ts';
import { type AnyRoute, route } from './route.ts';
import { storable, timestamp } from './schemas.ts';

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
  })
  .meta({ id: 'Flag' });

const reason = storable(z.string().trim().min(1).max(500));
const keyParams = z.strictObject({ key: z.string().max(100) });

const flagsPath = '/api/v1/admin/flags';

export function flagRoutes({ flags }: ApiContext): AnyRoute[] {
  const admin = { scope: 'admin', tag: 'admin' } as const;
  const known = (key: string): FlagKey => {
    if ((flagKeys as string[]).includes(key)) return key as FlagKey;
    throw new AppError(
      'not_found',
      `There is no flag ${JSON.stringify(key)}; the flags are ${flagKeys.join(', ')}.`,
    );
  };
  const shown = { 200: { description: 'The flag', schema: flagSchema } };
  const inAudit =
    (audit: Audit): Parameters<typeof flags.set>[2] =>
    (transaction, before, after) =>
      audit.write(transaction, { target: `${flagsPath}/${after.key}`, before, after });
  const reply = (body: FlagState) => ({ status: 200, body });
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
      method: 'put',
      paths: [`${flagsPath}/{key}`],
      summary: 'Set a flag; in force at once in every process',
      params: keyParams,
      body: z.strictObject({
        enabled: z.boolean(),
        rollout_percent: z.int().min(0).max(100).default(100),
        reason,
      }),
      responses: shown,
      handler: async ({ params, body, caller, audit }) =>
        reply(
          await flags.set(
            known(params.key),
            {
              enabled: body.enabled,
              rolloutPercent: body.rollout_percent,
              reason: body.reason,
              by: caller.name,
            },
            inAudit(audit),
          ),
        ),
    }),
    route({
      ...admin,
      method: 'post',
      paths: [`${flagsPath}/{key}/kill`],
      summary: 'Off for everybody, whatever else says on; setting the flag lifts it',
      params: keyParams,
      body: z.strictObject({ reason }),
      responses: shown,
      handler: async ({ params, body, caller, audit }) =>
        reply(
          await flags.set(
            known(params.key),
            {
              enabled: false,
              rolloutPercent: 0,
              reason: body.reason,
              by: caller.name,
              kill: true,
            },
            inAudit(audit),
          ),
        ),
    }),
  ];
}
