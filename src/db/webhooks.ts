import type { Knex } from 'knex';
import type { WebhookEvent } from '../webhooks/events.ts';
import { transactionAgain } from './again.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export interface WebhookRow {
  id: string;
  api_key_id: string;
  all_keys: boolean;
  url: string;
  description: string | null;
  events: WebhookEvent[];
  /** Until then the secret before this one signs as well; null: it does not, or no longer. */
  old_secret_until: Date | null;
  disabled_at: Date | null;
  disabled_reason: string | null;
  failures_in_row: number;
  failing_since: Date | null;
  created_at: Date;
  updated_at: Date;
}

/** Whose webhooks a caller sees; null: everybody's. */
export type Owner = string | null;

const columns = `id, api_key_id, all_keys, url, description, events, disabled_at, disabled_reason, failures_in_row,
  failing_since, created_at, updated_at, case when old_secret_until > now() then old_secret_until end as old_secret_until`;

export interface NewWebhook {
  apiKeyId: string;
  allKeys: boolean;
  url: string;
  description: string | null;
  events: readonly WebhookEvent[];
  secret: Buffer;
}

/** Undefined when the key has `most` of them already. */
export async function insertWebhook(
  db: Knex,
  webhook: NewWebhook,
  most: number,
): Promise<WebhookRow | undefined> {
  return db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`webhooks:${webhook.apiKeyId}`]);
    const { rows } = await trx.raw(
      `insert into webhooks (api_key_id, all_keys, url, description, events, secret)
       select ?, ?, ?, ?, ?, ? where (select count(*) from webhooks where api_key_id = ?) < ? returning ${columns}`,
      [
        ...[webhook.apiKeyId, webhook.allKeys, webhook.url, webhook.description],
        ...[[...webhook.events], webhook.secret, webhook.apiKeyId, most],
      ],
    );
    return rows[0];
  });
}

const visible = '(:owner::uuid is null or api_key_id = :owner::uuid)';

export async function findWebhook(db: Db, owner: Owner, id: string): Promise<WebhookRow | undefined> {
  const { rows } = await db.raw(`select ${columns} from webhooks where id = :id and ${visible}`, {
    id,
    owner,
  });
  return rows[0];
}

/** Newest first. */
export async function listWebhooks(
  db: Db,
  owner: Owner,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<WebhookRow>> {
  const after = readCursor(query.cursor);
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('created_at')} from webhooks
      where ${visible} and (:at::timestamptz is null or (created_at, id) < (:at::timestamptz, :id::uuid))
      order by created_at desc, id desc limit :limit`,
    { owner, at: after?.at ?? null, id: after?.id ?? null, limit: query.limit + 1 },
  );
  return toPage<WebhookRow>(rows, query.limit);
}

export interface WebhookChange {
  url?: string | undefined;
  description?: string | null | undefined;
  events?: readonly WebhookEvent[] | undefined;
  enabled?: boolean | undefined;
}

/** Enabling forgets the failures; what waits for a webhook that is disabled is cancelled. */
export async function changeWebhook(
  db: Knex,
  id: string,
  { enabled, ...change }: WebhookChange,
): Promise<void> {
  const given = Object.fromEntries(
    Object.entries({ ...change, events: change.events && [...change.events] }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  const enabling = { disabled_at: null, disabled_reason: null, failures_in_row: 0, failing_since: null };
  await db('webhooks')
    .where({ id })
    .update({ ...given, ...(enabled ? enabling : {}), updated_at: db.fn.now() });
  if (enabled === false) await disableWebhook(db, id, 'Disabled on request.');
}

/** Nothing is sent to it from now on, and what waited is cancelled: it can be delivered again one by one. */
export async function disableWebhook(db: Db, id: string, reason: string): Promise<void> {
  await db('webhooks')
    .where({ id })
    .whereNull('disabled_at')
    .update({ disabled_at: db.fn.now(), disabled_reason: reason, updated_at: db.fn.now() });
  // A statement of its own: what is being sent at this moment writes the delivery first, then the webhook.
  await db('webhook_deliveries')
    .where({ webhook_id: id, status: 'pending' })
    .update({ status: 'cancelled', completed_at: db.fn.now(), lease_token: null, lease_until: null });
}

/** With its deliveries. */
export async function deleteWebhook(db: Knex, id: string): Promise<void> {
  await transactionAgain(db, async (trx) => {
    // Deliveries first, as those do who are sending one: the other way round each would wait for the other.
    await trx.raw('select from webhook_deliveries where webhook_id = ? order by id for update', [id]);
    await trx('webhooks').where({ id }).delete();
  });
}

/** The secret so far goes on signing beside the new one for `overlapSeconds`. */
export async function rotateWebhookSecret(
  db: Db,
  id: string,
  secret: Buffer,
  overlapSeconds: number,
): Promise<void> {
  await db('webhooks')
    .where({ id })
    .update(rotated(db, secret, overlapSeconds));
}

/** The key's own secret for webhooks that requests name; `fresh` becomes it where there is none yet. */
export async function signingSecret(db: Db, apiKeyId: string, fresh: () => Buffer): Promise<Buffer> {
  const find = () => db('webhook_signing_secrets').where({ api_key_id: apiKeyId }).first('secret');
  const known = await find();
  if (known) return known.secret;
  await db('webhook_signing_secrets')
    .insert({ api_key_id: apiKeyId, secret: fresh() })
    .onConflict('api_key_id')
    .ignore();
  return (await find()).secret;
}

export async function rotateSigningSecret(
  db: Db,
  apiKeyId: string,
  secret: Buffer,
  overlapSeconds: number,
): Promise<void> {
  await signingSecret(db, apiKeyId, () => secret);
  await db('webhook_signing_secrets')
    .where({ api_key_id: apiKeyId })
    .update(rotated(db, secret, overlapSeconds));
}

function rotated(db: Db, secret: Buffer, overlapSeconds: number) {
  return {
    secret,
    old_secret: db.ref('secret'),
    old_secret_until: db.raw(`now() + ? * interval '1 second'`, [overlapSeconds]),
  };
}
