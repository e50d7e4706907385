import type { Knex } from 'knex';

/**
 * What is told of an answer while it is written, in a sequence without gaps that ends with exactly one terminal event; turns
 * and conversations of answers; and how many questions each worker takes at a time.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table answers
      add column priority smallint not null default 5 check (priority between 1 and 10),
      -- the turn of the conversation before this one; it may be gone
      add column previous_answer_id uuid,
      -- number of the last event
      add column event_seq integer not null default 0,
      -- its owner had it deleted: nothing of question and answer is left in the row, which only keeps the id from coming back
      add column deleted_at timestamptz;
    create index answers_newest on answers (api_key_id, created_at desc, id desc) where deleted_at is null;
    create index answers_completed on answers (completed_at) where status = 'completed';

    create table answer_events (
      answer_id uuid not null references answers (id) on delete cascade,
      seq integer not null,
      type text not null
        check (type in ('step', 'delta', 'source', 'restart', 'completed', 'failed', 'cancelled', 'expired')),
      -- the try that it was told in
      attempt integer not null,
      -- what the answer's row does not say: terminal events and sources are shown from there
      data jsonb not null,
      -- a delta's: what its text may have come from
      documents uuid[] not null default '{}',
      written_at timestamptz not null default now(),
      primary key (answer_id, seq)
    );
    create unique index answer_events_one_end on answer_events (answer_id)
      where type in ('completed', 'failed', 'cancelled', 'expired');
    create index answer_events_ended on answer_events (written_at)
      where type in ('completed', 'failed', 'cancelled', 'expired');
    create index answer_events_drafts on answer_events using gin (documents) where type = 'delta';

    alter table worker_heartbeats add column concurrency integer not null default 1;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table worker_heartbeats drop column concurrency;
    drop table answer_events;
    drop index answers_completed, answers_newest;
    alter table answers drop column deleted_at, drop column event_seq, drop column previous_answer_id, drop column priority;
  `);
}
