import type { Knex } from 'knex';

/** Which tools were called for answers and which calls were refused, and the servers that workers know. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table tool_calls (
      id uuid primary key default gen_random_uuid(),
      -- outlives its answer: what was done stays known
      answer_id uuid not null,
      -- as answers have it: the nil uuid is the key of the environment
      api_key_id uuid not null,
      tool text not null,
      decision text not null check (decision in ('allowed', 'denied')),
      reason text not null,
      -- of the arguments, which are kept nowhere; null once the answer was deleted
      arguments_hash text,
      -- null: it is under way, or its worker died; or it was denied
      outcome text,
      ms real,
      bytes integer,
      created_at timestamptz not null default now()
    );
    create index tool_calls_newest on tool_calls (created_at, id);
    create index tool_calls_answer on tool_calls (answer_id);
    create index tool_calls_key on tool_calls (api_key_id, created_at) where decision = 'allowed';

    -- As the worker that last had to do with it found it.
    create table tool_servers (
      name text primary key,
      kind text not null check (kind in ('builtin', 'stdio', 'http')),
      condition text not null check (condition in ('unopened', 'ready', 'failed')),
      detail text,
      -- [{name, description, allowed}]
      tools jsonb not null,
      -- [{name, reason}]: what the server has and nobody is offered
      refused jsonb not null,
      updated_at timestamptz not null default now()
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table tool_servers, tool_calls;');
}
