import type { Knex } from 'knex';

/**
 * Experiences are what a policy decides by: a stable state key instead of what was known of the question; and the versions of
 * policies that were learned from them. Experiences of before have another kind of state, from which no policy can learn.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    delete from experiences;
    -- kept answers have experiences of that kind
    delete from query_cache where key like 'answer:%';
    alter table experiences
      alter column state type text using null::text,
      -- the version that chose the action; null: hybrid, because none was asked
      add column policy_version integer,
      -- planned together, learned together
      add column batch bigint,
      -- the version that it was learned in; null with learned_at: its line was given up by a restore
      add column learned_version integer,
      -- with which it was learned: another one, given since, takes its place
      add column learned_reward real;
    create index experiences_batch on experiences (batch) where learned_at is null;

    drop table strategy_statistics;

    create table policy_versions (
      number integer primary key,
      policy text not null,
      snapshot jsonb not null,
      -- what it was made of; older versions are removed, so it may be gone
      parent integer,
      made_by text not null check (made_by in ('batch', 'buffer', 'restore')),
      batch bigint unique,
      -- learned with it, and in all
      experiences integer not null,
      learned bigint not null,
      live boolean not null,
      created_at timestamptz not null default now()
    );
    create unique index policy_versions_live on policy_versions (policy) where live;

    -- One row. Who plans, learns or restores locks it first: one learner at a time.
    create table learning_state (
      one boolean primary key default true check (one),
      paused boolean not null default false,
      batches_planned bigint not null default 0,
      batches_learned bigint not null default 0,
      last_version integer not null default 0
    );
    insert into learning_state default values;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table learning_state, policy_versions;
    delete from experiences;
    drop index experiences_batch;
    alter table experiences
      drop column policy_version, drop column batch, drop column learned_version, drop column learned_reward,
      alter column state type jsonb using null::jsonb;
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
