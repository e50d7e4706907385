import type { Knex } from 'knex';

/** Running the service: callers, flags, long admin work, live workers, and the query cache. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table api_keys (
      id uuid primary key default gen_random_uuid(),
      name text not null,
      scope text not null check (scope in ('read', 'write', 'admin')),
      permissions text[] not null default '{}',
      allowed_ips text[] not null default '{}',
      rate_limit integer not null,
      -- HMAC-SHA-256 of the whole key under SECRET_KEY; the key itself is shown once and kept nowhere
      key_hash bytea not null unique,
      key_prefix text not null,
      created_by text not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      revoked_at timestamptz,
      last_used_at timestamptz
    );

    create table api_key_usage (
      api_key_id uuid not null references api_keys (id) on delete cascade,
      hour timestamptz not null,
      requests integer not null,
      primary key (api_key_id, hour)
    );

    create table flag_overrides (
      key text primary key,
      enabled boolean not null,
      rollout_percent smallint not null default 100 check (rollout_percent between 0 and 100),
      killed boolean not null default false,
      reason text not null,
      updated_by text not null,
      updated_at timestamptz not null default now()
    );

    create table operations (
      id uuid primary key default gen_random_uuid(),
      verb text not null,
      target uuid not null,
      status text not null default 'queued'
        check (status in ('queued', 'in_progress', 'completed', 'failed', 'cancelled', 'expired')),
      receipt jsonb,
      error jsonb,
      attempts integer not null default 0,
      lease_token uuid,
      lease_until timestamptz,
      created_at timestamptz not null default now(),
      completed_at timestamptz
    );
    create index operations_unfinished on operations (created_at) where status in ('queued', 'in_progress');

    create table idempotency_keys (
      api_key_id uuid not null,
      key text not null,
      request_hash text not null,
      -- null while the first request is still running
      response jsonb,
      created_at timestamptz not null default now(),
      primary key (api_key_id, key)
    );

    -- Workers say that they live; /health counts the recent ones, whichever store carries the queue.
    create table worker_heartbeats (
      id uuid primary key,
      -- host name and process id, for operators
      process text not null,
      queues text[] not null,
      started_at timestamptz not null default now(),
      beat_at timestamptz not null default now()
    );

    create table query_cache (
      key text primary key,
      corpus_version bigint not null,
      value jsonb not null,
      hits integer not null default 0,
      created_at timestamptz not null default now()
    );
    create index query_cache_age on query_cache (created_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table query_cache, worker_heartbeats, idempotency_keys, operations, flag_overrides, api_key_usage, api_keys;
  `);
}
