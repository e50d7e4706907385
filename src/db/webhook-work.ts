import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { Db } from './connect.ts';
import { leaseLost, leaseUntil } from './lease.ts';
import { disableWebhook } from './webhooks.ts';

/** A delivery that somebody is about to send. */
export interface ClaimedDelivery {
  id: string;
  token: string;
  webhookId: string | null;
  url: string;
  payload: string;
  /** Number of this try, among all and since it was last asked for; from 1. */
  attempt: number;
  tries: number;
  /** Sealed, the newest first. */
  secrets: Buffer[];
}

/** What a try whose worker died says of itself. */
const unrecorded = 'The worker ended before it could say what came of this try.';

/** Takes a delivery whose time has come. Undefined: somebody has it, it ended, is not due, or its webhook is disabled. */
export async function claimDelivery(db: Db, id: string): Promise<ClaimedDelivery | undefined> {
  const token = randomUUID();
  const { rows } = await db.raw(
    `with claimed as (
       update webhook_deliveries d
          set lease_token = ?, lease_until = ${leaseUntil}, attempts = attempts + 1, tries = tries + 1
        where id = ? and status = 'pending' and next_attempt_at <= now() and (lease_until is null or lease_until < now())
          and not exists (select from webhooks w where w.id = d.webhook_id and w.disabled_at is not null)
        returning d.*),
     begun as (insert into webhook_attempts (delivery_id, n, error) select id, attempts, ? from claimed)
     select c.id, c.webhook_id as "webhookId", coalesce(c.url, w.url) as url, c.payload, c.attempts as attempt, c.tries,
            coalesce(c.secret, w.secret, s.secret) as secret,
            case when w.old_secret_until > now() then w.old_secret
                 when c.secret is null and s.old_secret_until > now() then s.old_secret end as "oldSecret"
       from claimed c left join webhooks w on w.id = c.webhook_id
       left join webhook_signing_secrets s on c.webhook_id is null and s.api_key_id = c.api_key_id`,
    [token, id, unrecorded],
  );
  if (!rows[0]) return undefined;
  const { secret, oldSecret, ...delivery } = rows[0];
  return { ...delivery, token, secrets: oldSecret ? [secret, oldSecret] : [secret] };
}

/** What came of a try. `status` is of the reply; null: there was none, and `error` says why. */
export interface Attempt {
  ms: number;
  status: number | null;
  error: string | null;
  reply: string | null;
}

/** What becomes of the delivery: it has ended, or is tried again after so many seconds. */
export type Verdict = { status: 'delivered' | 'failed' } | { status: 'pending'; afterSeconds: number };

/** Writes a try down, once: throws `lease_lost` when the delivery was taken over or cancelled meanwhile. */
export async function recordAttempt(
  db: Knex,
  { attempt: n, id, token, webhookId }: ClaimedDelivery,
  attempt: Attempt,
  verdict: Verdict,
): Promise<void> {
  await db.transaction(async (trx) => {
    const ended = verdict.status !== 'pending';
    const written = await trx('webhook_deliveries')
      .where({ id, lease_token: token })
      .update({
        ...{ status: verdict.status, lease_token: null, lease_until: null, nudged_at: null },
        ...(ended
          ? { completed_at: trx.fn.now() }
          : { next_attempt_at: trx.raw(`now() + ? * interval '1 second'`, [verdict.afterSeconds]) }),
      });
    if (written === 0) throw leaseLost();
    await trx('webhook_attempts').where({ delivery_id: id, n }).update(attempt);
    if (webhookId === null) return;
    const counted =
      verdict.status === 'delivered'
        ? { failures_in_row: 0, failing_since: null }
        : {
            failures_in_row: trx.raw('failures_in_row + 1'),
            failing_since: trx.raw('coalesce(failing_since, now())'),
          };
    await trx('webhooks').where({ id: webhookId }).update(counted);
  });
}

/** Back to be sent by another worker, when this one stops amid a try: that one does not count. */
export async function releaseDelivery(db: Db, { attempt: n, id, token }: ClaimedDelivery): Promise<void> {
  await db.raw(
    `with released as (
       update webhook_deliveries set lease_token = null, lease_until = null, nudged_at = null, tries = tries - 1
        where id = ? and lease_token = ? returning id)
     update webhook_attempts a set error = 'The worker was stopped amid this try.' from released r where a.delivery_id = r.id and a.n = ?`,
    [id, token, n],
  );
}

/** Fewest failures in a row before a webhook is given up: a quiet one is not judged by a single event. */
const fewestFailures = 10;

/** Disables the webhook if nothing could be delivered to it for so many days. Returns whether it was. */
export async function disableIfDead(db: Db, webhookId: string, days: number): Promise<boolean> {
  const { rows } = await db.raw(
    `select failures_in_row, failing_since from webhooks
      where id = ? and disabled_at is null and failures_in_row >= ? and failing_since < now() - ? * interval '1 day'`,
    [webhookId, fewestFailures, days],
  );
  if (!rows[0]) return false;
  const since = (rows[0].failing_since as Date).toISOString();
  await disableWebhook(db, webhookId, `${rows[0].failures_in_row} tries in a row failed since ${since}.`);
  return true;
}

/** Cancels what still waits for a key that was revoked or has expired: its holder is told nothing more. Returns how many. */
export async function cancelOfVoidKeys(db: Db): Promise<number> {
  const { rows } = await db.raw(
    `update webhook_deliveries d
        set status = 'cancelled', completed_at = now(), lease_token = null, lease_until = null
       from api_keys k
      where d.status = 'pending' and k.id = d.api_key_id
        and (k.revoked_at is not null or k.expires_at <= now())
      returning d.id`,
  );
  return rows.length;
}

/** A nudge is believed for so long; then the job counts as lost. */
const believed = `interval '30 seconds'`;
/** Deliveries to one receiver that wait in the queue at a time; few where it fails, so that it can't keep the others waiting. */
const [atOnce, atOnceFailing] = [25, 2];

/** Ids of deliveries whose time has come and that have no job: marked as nudged. */
export async function takeDueDeliveries(db: Db): Promise<string[]> {
  const { rows } = await db.raw(
    `with held as (
       select coalesce(webhook_id::text, url) as place, count(*) as n from webhook_deliveries
        where status = 'pending' and nudged_at >= now() - ${believed} group by 1),
     due as (
       select d.id, coalesce(d.webhook_id::text, d.url) as place, coalesce(w.failures_in_row, d.tries) > 2 as failing,
              row_number() over (partition by coalesce(d.webhook_id::text, d.url) order by d.next_attempt_at, d.id) as n
         from webhook_deliveries d left join webhooks w on w.id = d.webhook_id
        where d.status = 'pending' and d.next_attempt_at <= now() and w.disabled_at is null
          and (d.nudged_at is null or d.nudged_at < now() - ${believed})
          and (d.lease_until is null or d.lease_until < now()))
     update webhook_deliveries x set nudged_at = now() from due left join held using (place)
      where x.id = due.id and due.n + coalesce(held.n, 0) <= case when due.failing then ${atOnceFailing} else ${atOnce} end
      returning x.id`,
  );
  return rows.map(({ id }: { id: string }) => id);
}
