import type { Knex } from 'knex';

/**
 * What rollouts are judged by, kept ready: sums over observations that have ended, so that a look reads few rows however many
 * answers there were; batches of learning with what became of them; and the memory of API processes.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table rollout_observations
      -- it is in rollout_sums
      add column folded boolean not null default false,
      -- its answer has been rated: ratings come and change later, so they are no part of the sums
      add column rated boolean not null default false;
    update rollout_observations o set rated = true
     where exists (select from feedback f where f.answer_id = o.answer_id);
    create index rollout_observations_unfolded on rollout_observations (rollout_id, stage) where not folded;
    create index rollout_observations_rated on rollout_observations (rollout_id, stage) where folded and rated;
    create index rollout_observations_slowest on rollout_observations (rollout_id, stage, arm, total_ms)
      where folded and total_ms is not null and status <> 'cancelled';

    -- One row an arm of a stage: of its folded observations, without their ratings.
    create table rollout_sums (
      rollout_id uuid not null references rollouts (id) on delete cascade,
      stage integer not null,
      arm text not null check (arm in ('treatment', 'control')),
      exposures integer not null,
      decided integer not null,
      errors integer not null,
      completed integer not null,
      degraded integer not null,
      answered integer not null,
      timed integer not null,
      latency_n integer not null,
      latency_sum double precision not null,
      latency_squares double precision not null,
      -- of the logarithms of the same
      log_n integer not null,
      log_sum double precision not null,
      log_squares double precision not null,
      support_n integer not null,
      support_sum double precision not null,
      support_squares double precision not null,
      confidence_n integer not null,
      confidence_sum double precision not null,
      confidence_squares double precision not null,
      quality_n integer not null,
      quality_sum double precision not null,
      quality_squares double precision not null,
      primary key (rollout_id, stage, arm)
    );

    create function observe_rating() returns trigger language plpgsql as $$
    begin
      update rollout_observations set rated = true where answer_id = new.answer_id and not rated;
      return null;
    end $$;
    create trigger feedback_observe after insert on feedback for each row execute function observe_rating();

    -- Batches of experiences, from when they were planned. Their experiences may be gone by now, and older versions are.
    create table learning_batches (
      batch bigint primary key,
      planned_at timestamptz not null default now(),
      -- null: not yet, or never
      learned_at timestamptz
    );
    create index learning_batches_planned on learning_batches (planned_at);

    create function observe_planned_batches() returns trigger language plpgsql as $$
    begin
      insert into learning_batches (batch)
      select generate_series(old.batches_planned + 1, new.batches_planned) on conflict do nothing;
      return null;
    end $$;
    create trigger learning_state_observe after update of batches_planned on learning_state for each row
      when (new.batches_planned > old.batches_planned) execute function observe_planned_batches();

    create function observe_learned_batch() returns trigger language plpgsql as $$
    begin
      update learning_batches set learned_at = now() where batch = new.batch and learned_at is null;
      return null;
    end $$;
    create trigger policy_versions_observe after insert on policy_versions for each row
      when (new.batch is not null) execute function observe_learned_batch();

    create table api_heartbeats (
      id uuid primary key,
      process text not null,
      started_at timestamptz not null default now(),
      beat_at timestamptz not null default now(),
      rss_bytes bigint not null
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table api_heartbeats;
    drop trigger policy_versions_observe on policy_versions;
    drop trigger learning_state_observe on learning_state;
    drop trigger feedback_observe on feedback;
    drop function observe_learned_batch(), observe_planned_batches(), observe_rating();
    drop table learning_batches, rollout_sums;
    drop index rollout_observations_slowest, rollout_observations_rated, rollout_observations_unfolded;
    alter table rollout_observations drop column folded, drop column rated;
  `);
}
