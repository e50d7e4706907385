import type { Knex } from 'knex';

/**
 * Rollouts of flags in stages, what came of the answers they touch, and what became of them. Answers are observed by triggers, at
 * assignment: so those that fail or hang count as well, and no way of ending an answer can forget to tell.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table rollouts (
      id uuid primary key,
      name text not null,
      status text not null default 'running' check (status in ('running', 'paused', 'completed', 'rolled_back')),
      -- {stages, overdue_seconds, false_rollback_rate}
      plan jsonb not null,
      auto_advance boolean not null,
      stage integer not null default 0,
      -- flags that tell treatment from control in this stage
      tested text[] not null,
      -- {flag: {enabled, rollout_percent}}: before the rollout, and as it set them last
      before jsonb not null,
      expected jsonb not null,
      -- of a paused one: 'hand', or 'flag_changed', when the flags are no longer its own
      paused_because text check (paused_because in ('hand', 'flag_changed')),
      -- one more with each change
      revision integer not null default 1,
      api_key_id uuid not null,
      created_by text not null,
      created_at timestamptz not null default now(),
      stage_started_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      ended_at timestamptz,
      check ((paused_because is not null) = (status = 'paused')),
      check ((ended_at is not null) = (status in ('completed', 'rolled_back')))
    );
    create index rollouts_newest on rollouts (created_at desc, id desc);
    create index rollouts_unended on rollouts (id) where status in ('running', 'paused');

    -- Which rollout a flag is in the hands of: one at a time.
    create table rollout_flags (
      flag text primary key,
      rollout_id uuid not null references rollouts (id) on delete cascade
    );
    create index rollout_flags_of on rollout_flags (rollout_id);

    create table rollout_events (
      rollout_id uuid not null references rollouts (id) on delete cascade,
      -- the revision that it led to
      n integer not null,
      at timestamptz not null default now(),
      type text not null
        check (type in ('started', 'advanced', 'paused', 'resumed', 'rolled_back', 'completed')),
      -- the stage that it led to
      stage integer not null,
      by text not null,
      reason text not null,
      -- of an incident: what happened, with its numbers, in plain language
      note text,
      note_ko text,
      -- what the gates said then
      gates jsonb,
      primary key (rollout_id, n)
    );

    -- No foreign key on answers: they go after their time, and what was counted stays. Nothing of question or answer is in it.
    create table rollout_observations (
      answer_id uuid not null,
      rollout_id uuid not null references rollouts (id) on delete cascade,
      stage integer not null,
      arm text not null check (arm in ('treatment', 'control')),
      assigned_at timestamptz not null default now(),
      -- how the answer ended; null: it has not
      status text,
      -- in the worker, and from acceptance on
      ms double precision,
      total_ms double precision,
      abstained boolean,
      degraded boolean,
      -- given again from the cache
      cached boolean,
      confidence double precision,
      support double precision,
      primary key (answer_id, rollout_id)
    );
    create index rollout_observations_of on rollout_observations (rollout_id, stage, arm);

    alter table worker_heartbeats add column rss_bytes bigint;
  `);
  await knex.raw(observe);
  await knex.raw(tell);
}

/** Answers in which only some of the tested flags are on belong to neither arm. Replays repeat what has been counted. */
const observe = `
  create function observe_assignment() returns trigger language plpgsql as $$
  begin
    insert into rollout_observations (answer_id, rollout_id, stage, arm)
    select new.id, r.id, r.stage, case when f.everywhere then 'treatment' else 'control' end
      from rollouts r cross join lateral (
        select bool_and(coalesce((new.request->'flags'->t.flag->>'on')::boolean, false)) as everywhere,
               bool_or(coalesce((new.request->'flags'->t.flag->>'on')::boolean, false)) as somewhere
          from unnest(r.tested) as t(flag)) f
     where r.status in ('running', 'paused') and f.everywhere = f.somewhere
    on conflict do nothing;
    return null;
  end $$;
  create trigger answers_observe_assignment after insert on answers for each row
    when (new.status = 'queued' and new.request->'flags' is not null and new.request->'replay' is null)
    execute function observe_assignment();

  create function observe_end() returns trigger language plpgsql as $$
  begin
    update rollout_observations
       set status = new.status,
           ms = extract(epoch from new.completed_at - new.started_at) * 1000,
           total_ms = extract(epoch from new.completed_at - new.created_at) * 1000,
           abstained = (new.result->>'abstained')::boolean,
           degraded = new.result->>'degraded' is not null,
           cached = coalesce(new.result->'usage'->>'answer_cache' = 'hit', false),
           confidence = (new.result->>'confidence')::double precision,
           -- what is not abstained and has no source is carried by nothing
           support = case when new.status = 'completed' and not (new.result->>'abstained')::boolean then coalesce((
             select avg(coalesce((s.source->>'support')::double precision, (s.source->>'verified')::boolean::int))
               from jsonb_array_elements(new.result->'sources') as s(source)), 0) end
     where answer_id = new.id and status is null;
    return null;
  end $$;
  create trigger answers_observe_end after update of status on answers for each row
    when (old.status in ('queued', 'in_progress') and new.status in ('completed', 'failed', 'cancelled', 'expired'))
    execute function observe_end();
`;

/** Whatever changes a rollout tells of it in its own transaction. */
const tell = `
  create function announce_rollout() returns trigger language plpgsql as $$
  declare
    event constant text := case when new.status in ('completed', 'rolled_back') then new.status else 'advanced' end;
  begin
    perform announce(new.api_key_id, 'rollout.' || event, new.id, new.revision::text, null, json_build_object(
      'id', new.id, 'status', new.status, 'stage', new.stage,
      'links', json_build_object('self', '/api/v1/admin/rollouts/' || new.id)), null);
    return null;
  end $$;
  create trigger rollouts_announce after update on rollouts for each row
    when (new.stage > old.stage or new.status <> old.status and new.status in ('completed', 'rolled_back'))
    execute function announce_rollout();
`;

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop trigger answers_observe_end on answers;
    drop trigger answers_observe_assignment on answers;
    drop trigger rollouts_announce on rollouts;
    drop function announce_rollout(), observe_end(), observe_assignment();
    alter table worker_heartbeats drop column rss_bytes;
    drop table rollout_observations, rollout_events, rollout_flags, rollouts;
  `);
}
