import { z } from 'zod';
import { type AttemptRow, type DeliveryRow, deliveryStatuses } from '../db/webhook-deliveries.ts';
import type { Owner, WebhookRow } from '../db/webhooks.ts';
import { webhookEvents } from '../webhooks/events.ts';
import { isSigningSecret } from '../webhooks/signing.ts';
import type { Caller } from './route.ts';
import { isStorable, timestamp, unstorable } from './schemas.ts';

export const webhooksPath = '/api/v1/webhooks';
export const deliveriesPath = '/api/v1/webhook-deliveries';

/** Admins see everybody's webhooks and deliveries, others their own: what is not theirs is not there. */
export const ownerOf = ({ id, scope }: Caller): Owner => (scope === 'admin' ? null : id);

export const destination = z.url().max(2000).refine(isStorable, unstorable);
export const secretField = z
  .string()
  .refine(isSigningSecret, 'must be whsec_ and 24 to 64 bytes in base64: openssl rand -base64 32');
export const eventList = z
  .array(z.enum(webhookEvents))
  .min(1)
  .max(webhookEvents.length)
  .transform((events) => [...new Set(events)]);
/** A day, as long as receivers usually need to take over a new secret; a week at most. */
export const overlap = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(7 * 24 * 3600)
    .default(24 * 3600)
    .describe('So long both secrets sign; 0: the old one is void at once'),
  secret: secretField.optional().describe('The new secret; one is made when left out'),
});

export const webhookSchema = z
  .object({
    id: z.uuid(),
    url: z.string(),
    description: z.string().nullable(),
    events: z.array(z.string()),
    all_keys: z.boolean(),
    enabled: z.boolean(),
    disabled_at: timestamp.nullable(),
    disabled_reason: z.string().nullable(),
    failures_in_row: z.int(),
    failing_since: timestamp.nullable(),
    old_secret_until: timestamp.nullable(),
    api_key_id: z.uuid(),
    created_at: timestamp,
    updated_at: timestamp,
    links: z.object({ self: z.string(), deliveries: z.string() }),
  })
  .meta({ id: 'Webhook' });

export function toWebhook(row: WebhookRow) {
  const self = `${webhooksPath}/${row.id}`;
  return { ...row, enabled: row.disabled_at === null, links: { self, deliveries: `${self}/deliveries` } };
}

export const deliverySchema = z
  .object({
    id: z.uuid().describe('The webhook-id that the receiver sees'),
    webhook_id: z.uuid().nullable().describe('null: the request named the URL'),
    url: z.string(),
    type: z.string(),
    subject_id: z.uuid().describe('What it is about: the answer, document or batch'),
    status: z.enum(deliveryStatuses),
    is_terminal: z.boolean(),
    attempts: z.int(),
    next_attempt_at: timestamp.nullable(),
    last_status: z.int().nullable(),
    last_error: z.string().nullable(),
    created_at: timestamp,
    completed_at: timestamp.nullable(),
    links: z.object({ self: z.string(), redeliver: z.string() }),
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryDetailSchema = deliverySchema
  .extend({
    payload: z.string().describe('What is sent, byte for byte'),
    log: z.array(
      z.object({
        n: z.int(),
        at: timestamp,
        ms: z.int().nullable(),
        status: z.int().nullable(),
        error: z.string().nullable(),
        reply: z.string().nullable().describe('How the reply begins'),
      }),
    ),
  })
  .meta({ id: 'WebhookDeliveryDetail' });

export function toDelivery<Row extends DeliveryRow & { log?: AttemptRow[] }>(row: Row) {
  const self = `${deliveriesPath}/${row.id}`;
  return {
    ...row,
    is_terminal: row.status !== 'pending',
    links: { self, redeliver: `${self}/redeliver` },
  };
}
