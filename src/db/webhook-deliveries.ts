import { pingEvent, type WebhookEvent } from '../webhooks/events.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';
import type { Owner } from './webhooks.ts';

export const deliveryStatuses = ['pending', 'delivered', 'failed', 'cancelled'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

export interface DeliveryRow {
  id: string;
  /** null: the request that it is about named the URL. */
  webhook_id: string | null;
  url: string;
  type: WebhookEvent | typeof pingEvent;
  subject_id: string;
  status: DeliveryStatus;
  attempts: number;
  next_attempt_at: Date | null;
  /** Of the newest try. */
  last_status: number | null;
  last_error: string | null;
  created_at: Date;
  completed_at: Date | null;
}

export interface AttemptRow {
  n: number;
  at: Date;
  ms: number | null;
  status: number | null;
  error: string | null;
  reply: string | null;
}

const columns = `d.id, d.webhook_id, coalesce(d.url, w.url) as url, d.type, d.subject_id, d.status, d.attempts,
  case when d.status = 'pending' then d.next_attempt_at end as next_attempt_at,
  a.status as last_status, a.error as last_error, d.created_at, d.completed_at`;
const from = `webhook_deliveries d left join webhooks w on w.id = d.webhook_id
  left join webhook_attempts a on a.delivery_id = d.id and a.n = d.attempts`;

export interface DeliveryQuery {
  owner: Owner;
  webhookId?: string;
  subjectId?: string;
  status?: DeliveryStatus | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** Newest first. */
export async function listDeliveries(db: Db, query: DeliveryQuery): Promise<Page<DeliveryRow>> {
  const after = readCursor(query.cursor);
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('d.created_at')} from ${from}
      where (:owner::uuid is null or d.api_key_id = :owner::uuid) and (:webhookId::uuid is null or d.webhook_id = :webhookId::uuid)
        and (:subjectId::uuid is null or d.subject_id = :subjectId::uuid) and (:status::text is null or d.status = :status::text)
        and (:at::timestamptz is null or (d.created_at, d.id) < (:at::timestamptz, :id::uuid))
      order by d.created_at desc, d.id desc limit :limit`,
    {
      ...{ owner: query.owner, webhookId: query.webhookId ?? null, subjectId: query.subjectId ?? null },
      ...{ status: query.status ?? null, at: after?.at ?? null, id: after?.id ?? null },
      limit: query.limit + 1,
    },
  );
  return toPage<DeliveryRow>(rows, query.limit);
}

/** With what is sent, and its tries so far, the newest first; 100 at most. */
export async function findDelivery(
  db: Db,
  owner: Owner,
  id: string,
): Promise<(DeliveryRow & { payload: string; log: AttemptRow[] }) | undefined> {
  const { rows } = await db.raw(
    `select ${columns}, d.payload from ${from} where d.id = :id and (:owner::uuid is null or d.api_key_id = :owner::uuid)`,
    { id, owner },
  );
  if (!rows[0]) return undefined;
  const log = await db('webhook_attempts')
    .where({ delivery_id: id })
    .orderBy('n', 'desc')
    .limit(100)
    .select('n', 'at', 'ms', 'status', 'error', 'reply');
  return { ...rows[0], log };
}

/** A delivery that says nothing but that it works. Undefined for a webhook that is disabled. */
export async function insertPing(db: Db, webhookId: string): Promise<string | undefined> {
  const { rows } = await db.raw(
    `insert into webhook_deliveries (api_key_id, webhook_id, type, subject_id, occurrence, payload)
     select api_key_id, id, :type, id, gen_random_uuid()::text, json_build_object('type', :type::text,
            'timestamp', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'data', json_build_object(
              'id', id, 'status', 'enabled', 'links', json_build_object('self', '/api/v1/webhooks/' || id)))::text
       from webhooks where id = :webhookId and disabled_at is null returning id`,
    { type: pingEvent, webhookId },
  );
  return rows[0]?.id;
}

/** Puts it back to be sent at once, under the same id. False while it is being sent, or when its webhook is disabled. */
export async function redeliver(db: Db, id: string): Promise<boolean> {
  const { rows } = await db.raw(
    `update webhook_deliveries d
        set status = 'pending', tries = 0, next_attempt_at = now(), nudged_at = null, completed_at = null
      where id = ? and (lease_until is null or lease_until < now())
        and not exists (select from webhooks w where w.id = d.webhook_id and w.disabled_at is not null)
      returning id`,
    [id],
  );
  return rows.length > 0;
}

/** Whether the answer is there and the caller's: whoever asks for its deliveries learns nothing of others. */
export async function ownsAnswer(db: Db, owner: Owner, id: string): Promise<boolean> {
  const { rows } = await db.raw(
    'select 1 from answers where id = :id and expires_at > now() and (:owner::uuid is null or api_key_id = :owner::uuid)',
    { id, owner },
  );
  return rows.length > 0;
}

/** Removes what ended longer ago than this. Returns how many. */
export async function sweepDeliveries(db: Db, keepDays: number): Promise<number> {
  return db('webhook_deliveries')
    .whereNot('status', 'pending')
    .where('completed_at', '<', db.raw(`now() - ? * interval '1 day'`, [keepDays]))
    .delete();
}

/** Deliveries that wait, and how long the oldest one has; for /metrics. */
export async function pendingDeliveries(db: Db): Promise<{ pending: number; oldestSeconds: number }> {
  const { rows } = await db.raw(
    `select count(*)::int as pending, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as "oldestSeconds"
       from webhook_deliveries where status = 'pending'`,
  );
  return rows[0];
}
