import { z } from 'zod';
import { mayBeRestricted, permissions, unrestrictable } from '../access.ts';
import type { Callers } from '../callers/callers.ts';
import { type KeyRow, scopes } from '../db/api-keys.ts';
import { parseRange } from './auth.ts';
import { storable, timestamp } from './schemas.ts';

export const keysPath = '/api/v1/admin/api-keys';

const name = storable(z.string().trim().min(1).max(100));
const allowedIps = z
  .array(
    z.string().refine((entry) => parseRange(entry) !== undefined, 'must be an IP address or a CIDR range'),
  )
  .max(100);
const rateLimit = z.int().min(1).max(1_000_000).describe('Requests per hour');
const burst = z.int().min(1).max(100_000).describe('Requests per second; as configured when left out');
const budget = z
  .number()
  .positive('must be more than 0')
  .max(1_000_000)
  .nullable()
  .describe('What language models may cost for this key in a day (UTC), US dollars; null: no limit');
const assistant = z
  .uuid()
  .nullable()
  .describe('Id of the assistant that all its questions and searches are for; null: none');
const expiresDays = z.int().min(1).max(365);

export const newKeySchema = z
  .strictObject({
    name,
    scope: z.enum(scopes),
    permissions: permissions.default([]),
    allowed_ips: allowedIps.default([]),
    rate_limit: rateLimit.default(100),
    burst: burst.optional(),
    budget_usd_per_day: budget.default(null),
    assistant_id: assistant.default(null),
    expires_days: expiresDays.optional(),
  })
  .refine(mayBeRestricted, unrestrictable)
  .meta({ id: 'NewApiKey' });

export const keyChangeSchema = z
  .strictObject({
    name: name.optional(),
    scope: z.enum(scopes).optional(),
    permissions: permissions.optional(),
    allowed_ips: allowedIps.optional(),
    rate_limit: rateLimit.optional(),
    burst: burst.nullable().optional().describe('null: as configured'),
    budget_usd_per_day: budget.optional(),
    assistant_id: assistant.optional(),
    expires_days: expiresDays.nullable().optional().describe('From now; null: never'),
  })
  .refine((given) => Object.values(given).some((value) => value !== undefined), {
    error: 'give at least one field to change',
  })
  .meta({ id: 'ApiKeyChange' });

export const rotationSchema = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(30 * 86_400)
      .default(86_400)
      .describe('How long the secret so far goes on working'),
  })
  .default({ overlap_seconds: 86_400 })
  .meta({ id: 'KeyRotation' });

export const keySchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    scope: z.enum(scopes),
    permissions: z.array(z.string()),
    allowed_ips: z.array(z.string()),
    rate_limit: z.int(),
    budget_usd_per_day: z.number().nullable(),
    assistant_id: z.uuid().nullable(),
    burst: z.int(),
    key_prefix: z.string(),
    created_by: z.string(),
    created_at: timestamp,
    expires_at: timestamp.nullable(),
    revoked_at: timestamp.nullable(),
    rotated_at: timestamp.nullable(),
    previous_until: timestamp.nullable().describe('Until when the secret before the last rotation works'),
    last_used_at: timestamp.nullable().describe('A second late at most'),
    status: z.enum(['active', 'expired', 'revoked']),
  })
  .meta({ id: 'ApiKey' });

export const shownOnceSchema = z.object({ api_key: z.string(), key_info: keySchema });

const count = z.int();
export const usageSchema = z.object({
  hours: z.array(
    z.object({
      hour: timestamp,
      requests: count,
      limited: count.describe('Of these, refused with 429'),
      by_status: z.object({ '2xx': count, '3xx': count, '4xx': count, '5xx': count }),
    }),
  ),
});

export function toKey(row: KeyRow, { burstOf }: Pick<Callers, 'burstOf'>) {
  const expired = row.expires_at !== null && row.expires_at.getTime() <= Date.now();
  return {
    ...row,
    burst: burstOf(row),
    status: row.revoked_at ? 'revoked' : expired ? 'expired' : 'active',
  };
}
