import type { Knex } from 'knex';

/** What an answer was made of, so that it can be judged and replayed later; one row an answer, written with its result. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table answer_records (
      answer_id uuid primary key references answers (id) on delete cascade,
      corpus_version bigint not null,
      taxonomy_version text not null,
      generation_id uuid,
      embedding_model text,
      analyzer_version integer not null,
      policy_version integer,
      -- of the prompt's template, and of what was sent
      prompt_version text not null,
      prompt_hash text,
      service_version text not null,
      strategy text not null,
      seed text not null,
      settings jsonb not null,
      -- [{chunk_id, document_id, version, text_hash, score, …}], best first
      passages jsonb not null,
      -- documents of the passages whose text is still known: their hashes, and what the model wrote of them, are kept here
      document_ids uuid[] not null,
      result_hash text,
      -- what the language model wrote, masked; null when there was none or its time has passed
      raw jsonb,
      raw_until timestamptz,
      cached_from uuid,
      created_at timestamptz not null default now()
    );
    create index answer_records_documents on answer_records using gin (document_ids);
    create index answer_records_raw on answer_records (raw_until) where raw is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table answer_records');
}
