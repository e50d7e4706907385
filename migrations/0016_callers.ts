import type { Knex } from 'knex';

/**
 * Callers: rotation with overlap, bursts, permits that processes take in blocks, usage by outcome, and who changed what.
 * Keys made before stay: theirs are found by `key_hash`, newer ones by the id that they carry.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table api_keys
      -- requests a second, and at once; null: what the configuration says
      add column burst integer check (burst > 0),
      -- the secret before the last rotation, and until when it still works
      add column previous_hash bytea,
      add column previous_until timestamptz,
      add column rotated_at timestamptz;
    create index api_keys_newest on api_keys (created_at desc, id desc);
    create index api_keys_previous on api_keys (previous_hash) where previous_hash is not null;

    -- Written behind, a second late: what happened. What may still happen is in api_key_permits.
    alter table api_key_usage
      add column limited integer not null default 0,
      add column status_2xx integer not null default 0,
      add column status_3xx integer not null default 0,
      add column status_4xx integer not null default 0,
      add column status_5xx integer not null default 0;

    -- One row a key: what processes have taken of its hour, and of the bucket that holds its burst.
    create table api_key_permits (
      api_key_id uuid primary key references api_keys (id) on delete cascade,
      hour timestamptz not null,
      taken integer not null,
      tokens double precision not null,
      tokens_at timestamptz not null,
      -- what the last statement was given: returning can't tell the old row
      hour_granted integer not null,
      burst_granted integer not null
    ) with (fillfactor = 50);

    create table audit_log (
      id uuid primary key default gen_random_uuid(),
      at timestamptz not null default now(),
      actor_id uuid not null,
      actor_name text not null,
      actor_ip text,
      method text not null,
      route text not null,
      -- path of the resource that was changed
      target text not null,
      before jsonb,
      after jsonb,
      -- code of the error that it ended with, where it may have changed something all the same
      error text,
      request_id text not null
    );
    create index audit_log_newest on audit_log (at desc, id desc);
    create index audit_log_target on audit_log (target text_pattern_ops, at desc);
  `);
}

/** Keys made since carry an id; they stay, and are found by their hash as the others are. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table audit_log, api_key_permits;
    alter table api_key_usage drop column limited, drop column status_2xx, drop column status_3xx,
      drop column status_4xx, drop column status_5xx;
    drop index api_keys_newest;
    alter table api_keys drop column burst, drop column previous_hash, drop column previous_until, drop column rotated_at;
  `);
}
