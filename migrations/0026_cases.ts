import type { Knex } from 'knex';

/**
 * The case bank: good answers that can help with questions like theirs. A case outlives its answer, whose row goes after some
 * days, but not a document that it cites: whoever deletes one takes its cases along.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table cases (
      id uuid primary key default gen_random_uuid(),
      -- whose question it was: nobody else finds it
      api_key_id uuid,
      answer_id uuid not null unique,
      question text not null,
      answer text not null,
      language text not null,
      confidence double precision not null,
      confirmed_by text not null check (confirmed_by in ('support', 'feedback')),
      -- its index words with their idf when it was indexed; null: not indexed yet
      words text[],
      weights real[],
      model text,
      embedding vector,
      status text not null default 'active' check (status in ('active', 'archived')),
      archived_because text check (archived_because in ('failed', 'unused', 'merged', 'stale', 'crowded', 'by_hand')),
      archived_at timestamptz,
      merged_into uuid references cases (id) on delete set null,
      last_used_at timestamptz not null default now(),
      created_at timestamptz not null default now(),
      check ((status = 'archived') = (archived_at is not null and archived_because is not null))
    );
    create index cases_found on cases (api_key_id) where status = 'active';
    create index cases_newest on cases (created_at desc, id desc);

    -- What its answer cited; chunk_id is none any more when a new version of the document has other chunks.
    create table case_sources (
      case_id uuid not null references cases (id) on delete cascade,
      n integer not null,
      document_id uuid not null references documents (id) on delete cascade,
      chunk_id uuid not null,
      quote text not null,
      primary key (case_id, n)
    );
    create index case_sources_document on case_sources (document_id);

    -- Answers that it helped with, and what their callers thought of them, 0…1.
    create table case_uses (
      case_id uuid not null references cases (id) on delete cascade,
      answer_id uuid not null,
      rating double precision,
      created_at timestamptz not null default now(),
      primary key (case_id, answer_id)
    );
    create index case_uses_answer on case_uses (answer_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table case_uses, case_sources, cases');
}
