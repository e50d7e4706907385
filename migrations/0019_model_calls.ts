import type { Knex } from 'knex';

/** What language models were asked and what that cost; budgets are kept by these rows. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table model_calls (
      -- the lease under which it was made, and which of its calls it was: no call is counted twice
      run uuid not null,
      n integer not null,
      answer_id uuid not null references answers (id) on delete cascade,
      -- as answers have it: the nil uuid is the key of the environment
      api_key_id uuid not null,
      day date not null default (now() at time zone 'utc')::date,
      model text not null,
      -- what it may cost at most, held back while it runs
      reserved_usd numeric not null default 0,
      -- null: it is under way, or its worker died
      outcome text,
      ms real,
      input_tokens integer,
      output_tokens integer,
      -- reported by the provider, estimated by us, or none
      counted text check (counted in ('reported', 'estimated', 'none')),
      cost_usd numeric,
      created_at timestamptz not null default now(),
      primary key (run, n)
    );
    create index model_calls_answer on model_calls (answer_id);

    -- Kept in the statements that write model_calls; outlives the answers.
    create table model_spend (
      day date not null,
      api_key_id uuid not null,
      usd numeric not null default 0,
      reserved_usd numeric not null default 0,
      primary key (day, api_key_id)
    );

    alter table api_keys add column budget_usd_per_day double precision check (budget_usd_per_day > 0);
    -- language model → whether its calls pass in this process
    alter table worker_heartbeats add column models jsonb not null default '{}';
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table model_calls, model_spend;
    alter table api_keys drop column budget_usd_per_day;
    alter table worker_heartbeats drop column models;
  `);
}
