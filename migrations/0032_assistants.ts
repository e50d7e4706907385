import type { Knex } from 'knex';

/** Named scopes that questions and keys can be bound to; with each question stands what its assistant was then. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table assistants (
      id uuid primary key default gen_random_uuid(),
      name text not null unique,
      description text,
      -- taxonomy path prefixes, an array of arrays; none: everything that the asking key sees
      canonical_in jsonb not null default '[]',
      strategy text not null default 'auto' check (strategy in ('auto', 'keyword', 'vector', 'hybrid')),
      -- what language models are told beside the rules
      instructions text,
      -- names of tools that may be called for it; null: as for everybody
      tools text[],
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    -- Without its assistant a key would see more: whoever deletes one sees to its keys first.
    alter table api_keys add column assistant_id uuid references assistants (id);
    create index api_keys_assistant on api_keys (assistant_id) where assistant_id is not null;
    create index answers_assistant on answers ((request->'assistant'->>'id'), created_at desc)
      where request->'assistant' is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index answers_assistant;
    alter table api_keys drop column assistant_id;
    drop table assistants;
  `);
}
