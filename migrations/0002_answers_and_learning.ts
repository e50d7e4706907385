import type { Knex } from 'knex';

/** Questions and what became of them; and what was learned from it. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table answers (
      id uuid primary key default gen_random_uuid(),
      status text not null default 'queued'
        check (status in ('queued', 'in_progress', 'completed', 'failed', 'cancelled', 'expired')),
      question text not null,
      -- the validated request: {mode, final_topk, filters, strategy}
      request jsonb not null,
      -- the answer resource's own part, written once, with the terminal status
      result jsonb,
      error jsonb,
      api_key_id uuid,
      request_id text,
      traceparent text,
      attempts integer not null default 0,
      lease_token uuid,
      lease_until timestamptz,
      deadline_at timestamptz not null,
      created_at timestamptz not null default now(),
      started_at timestamptz,
      completed_at timestamptz,
      expires_at timestamptz not null
    );
    create index answers_unfinished on answers (created_at) where status in ('queued', 'in_progress');
    create index answers_expiry on answers (expires_at);

    create table feedback (
      answer_id uuid not null references answers (id) on delete cascade,
      api_key_id uuid not null,
      rating real not null check (rating between 0 and 1),
      reason text,
      citation_n integer,
      comment text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      primary key (answer_id, api_key_id)
    );

    -- One row for every finished answer and one for every feedback; no question text and nothing personal in it.
    create table experiences (
      id bigint generated always as identity primary key,
      answer_id uuid not null,
      -- 'answer', or 'feedback:<key id>': replacing a feedback replaces its row
      source text not null,
      state jsonb not null,
      action text not null,
      propensity real not null check (propensity > 0 and propensity <= 1),
      reward real not null check (reward between 0 and 1),
      reward_parts jsonb not null,
      created_at timestamptz not null default now(),
      learned_at timestamptz,
      unique (answer_id, source)
    );
    create index experiences_pending on experiences (id) where learned_at is null;

    create table strategy_statistics (
      action text not null,
      source text not null check (source in ('answer', 'feedback')),
      experiences integer not null,
      reward_mean double precision not null,
      reward_sd double precision not null,
      parts_mean jsonb not null,
      updated_at timestamptz not null default now(),
      primary key (action, source)
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table strategy_statistics, experiences, feedback, answers;');
}
