import type { Knex } from 'knex';

/**
 * Webhooks: whom to tell when something has ended, and what was told. A delivery is written by the transaction that ends the
 * thing, whoever that is: triggers see to it, on updates alone, so that rows which are moved in tell nobody.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Secrets are sealed under SECRET_KEY (src/webhooks/sealer.ts). The nil uuid is the admin key of the environment.
    create table webhooks (
      id uuid primary key default gen_random_uuid(),
      api_key_id uuid not null,
      -- what every key's work comes to, not only that of its own key
      all_keys boolean not null default false,
      url text not null,
      description text,
      events text[] not null,
      secret bytea not null,
      -- goes on signing beside the new one until then
      old_secret bytea,
      old_secret_until timestamptz,
      disabled_at timestamptz,
      disabled_reason text,
      -- failed tries since the last one that reached it, and since when
      failures_in_row integer not null default 0,
      failing_since timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    create index webhooks_newest on webhooks (created_at desc, id desc);

    -- What signs the webhooks that a request names without a secret of their own: one a key.
    create table webhook_signing_secrets (
      api_key_id uuid primary key,
      secret bytea not null,
      old_secret bytea,
      old_secret_until timestamptz
    );

    create table webhook_deliveries (
      -- the webhook-id that receivers see, the same at every try
      id uuid primary key default gen_random_uuid(),
      api_key_id uuid not null,
      -- null: the request named its own, which is then here
      webhook_id uuid references webhooks (id) on delete cascade,
      url text,
      secret bytea,
      type text not null,
      subject_id uuid not null,
      -- tells apart what can happen to a thing more than once: versions of a document, a batch that was retried
      occurrence text not null default '',
      payload text not null,
      status text not null default 'pending' check (status in ('pending', 'delivered', 'failed', 'cancelled')),
      -- tries in all, and since it was last asked for, which is what the pauses go by
      attempts integer not null default 0,
      tries integer not null default 0,
      next_attempt_at timestamptz not null default now(),
      nudged_at timestamptz,
      lease_token uuid,
      lease_until timestamptz,
      created_at timestamptz not null default now(),
      completed_at timestamptz,
      check ((webhook_id is null) = (url is not null)),
      unique nulls not distinct (webhook_id, type, subject_id, occurrence)
    );
    create index webhook_deliveries_due on webhook_deliveries (next_attempt_at) where status = 'pending';
    create index webhook_deliveries_of on webhook_deliveries (webhook_id, created_at desc, id desc);
    create index webhook_deliveries_about on webhook_deliveries (subject_id);
    create index webhook_deliveries_ended on webhook_deliveries (completed_at) where status <> 'pending';

    create table webhook_attempts (
      delivery_id uuid not null references webhook_deliveries (id) on delete cascade,
      n integer not null,
      at timestamptz not null default now(),
      ms integer,
      -- of the reply; null: there was none
      status integer,
      error text,
      -- the beginning of the reply
      reply text,
      primary key (delivery_id, n)
    );

    -- When the end of a batch was told of; those of before this are not.
    alter table ingestion_batches add column announced_at timestamptz;
    update ingestion_batches set announced_at = now();
    create index ingestion_batches_unannounced on ingestion_batches (created_at) where announced_at is null;
  `);
  await knex.raw(announce);
  await knex.raw(triggers);
}

/** Deliveries of one event to everybody who wants it. `since`: only to webhooks that are older than that; null: to all. */
const announce = `
  create function announce(owner uuid, event text, subject uuid, of_occurrence text, since timestamptz, data json, hook jsonb)
  returns void language plpgsql as $$
  declare
    nil constant uuid := '00000000-0000-0000-0000-000000000000';
    keyholder constant uuid := coalesce(owner, nil);
    body constant text := json_build_object('type', event,
      'timestamp', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'data', data)::text;
  begin
    insert into webhook_deliveries (api_key_id, webhook_id, type, subject_id, occurrence, payload)
    select w.api_key_id, w.id, event, subject, of_occurrence, body from webhooks w
     where w.disabled_at is null and event = any (w.events) and (w.api_key_id = keyholder or w.all_keys)
       and (since is null or w.created_at <= since)
       -- whose key is no longer good is told nothing more
       and (w.api_key_id = nil or exists (
             select from api_keys k where k.id = w.api_key_id and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())))
    on conflict do nothing;
    if hook is not null and hook->'events' @> to_jsonb(event) then
      insert into webhook_deliveries (api_key_id, url, secret, type, subject_id, occurrence, payload)
      values (keyholder, hook->>'url', decode(hook->>'secret', 'base64'), event, subject, of_occurrence, body)
      on conflict do nothing;
    end if;
  end $$`;

const triggers = `
  create function announce_answer() returns trigger language plpgsql as $$
  begin
    perform announce(new.api_key_id, 'answer.' || new.status, new.id, '', null, json_build_object(
      'id', new.id, 'status', new.status, 'links', json_build_object('self', '/api/v1/answers/' || new.id)),
      new.request->'webhook');
    return null;
  end $$;
  create trigger answers_announce after update of status on answers for each row
    when (old.status in ('queued', 'in_progress') and new.status in ('completed', 'failed', 'cancelled', 'expired'))
    execute function announce_answer();

  create function announce_version() returns trigger language plpgsql as $$
  begin
    perform announce(new.api_key_id, 'document.' || new.status, new.document_id,
      new.version || '@' || extract(epoch from new.updated_at), null, json_build_object(
      'id', new.document_id, 'version', new.version, 'status', new.status,
      'links', json_build_object('self', '/api/v1/documents/' || new.document_id)), null);
    return null;
  end $$;
  create trigger document_versions_announce after update of status on document_versions for each row
    when (old.status <> new.status and new.status in ('ready', 'failed'))
    execute function announce_version();
`;

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop trigger document_versions_announce on document_versions;
    drop trigger answers_announce on answers;
    drop function announce_version(), announce_answer(), announce(uuid, text, uuid, text, timestamptz, json, jsonb);
    drop index ingestion_batches_unannounced;
    alter table ingestion_batches drop column announced_at;
    drop table webhook_attempts, webhook_deliveries, webhook_signing_secrets, webhooks;
  `);
}
