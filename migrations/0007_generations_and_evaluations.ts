import type { Knex } from 'knex';

/**
 * Embedding generations: which model's vectors search reads, and which are being built, kept or taken away beside them.
 * Evaluations: judged questions and how well each strategy answered them.
 *
 * A corpus from before generations has its vectors named by model alone: the model that most of them are of becomes the
 * live generation, others are kept as standby.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table embedding_generations (
      id uuid primary key default gen_random_uuid(),
      provider text not null,
      -- as chunk_vectors.model has it: name@dimensions
      model text not null,
      dimensions integer not null check (dimensions > 0),
      status text not null
        check (status in ('building', 'comparing', 'ready', 'live', 'standby', 'failed', 'reclaiming', 'reclaimed')),
      -- the generation that was live when this one was switched to: where a rollback goes
      replaces uuid,
      -- {chunks, characters, tokens, cost_usd}, as it was when building began
      estimate jsonb,
      -- {probes, overlap_at_10, …}: measured against the generation that was live when it was built
      comparison jsonb,
      error jsonb,
      vectors_reclaimed bigint not null default 0,
      lease_token uuid,
      lease_until timestamptz,
      created_at timestamptz not null default now(),
      built_at timestamptz,
      switched_at timestamptz,
      -- grows while work goes on: what stands still for long is nudged again
      updated_at timestamptz not null default now()
    );
    create unique index embedding_generations_live on embedding_generations ((true)) where status = 'live';
    create unique index embedding_generations_building on embedding_generations ((true)) where status in ('building', 'comparing');
    create unique index embedding_generations_model on embedding_generations (model) where status <> 'reclaimed';

    insert into embedding_generations (provider, model, dimensions, status, built_at, switched_at)
    select case when model like 'gemini-%' then 'gemini' else 'local' end, model, substring(model from '@([0-9]+)$')::integer,
           case when row_number() over (order by count(*) desc, model) = 1 then 'live' else 'standby' end, now(), now()
      from chunk_vectors where model ~ '@[0-9]+$' group by model;

    -- Vectors of questions depend on no corpus: corpus_version is null for them. The rest names its generation as well.
    alter table query_cache alter column corpus_version drop not null, add column generation_id uuid;

    create table evaluations (
      id uuid primary key,
      name text,
      status text not null default 'queued'
        check (status in ('queued', 'in_progress', 'completed', 'failed', 'cancelled')),
      strategies text[] not null,
      -- {scope, flags}: of the key that asked, as they were then
      audience jsonb not null,
      filters jsonb not null default '{}',
      api_key_id uuid,
      queries integer not null,
      result jsonb,
      error jsonb,
      lease_token uuid,
      lease_until timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      completed_at timestamptz
    );
    create index evaluations_newest on evaluations (created_at desc, id desc);
    create index evaluations_unfinished on evaluations (created_at) where status in ('queued', 'in_progress');

    create table evaluation_queries (
      evaluation_id uuid not null references evaluations (id) on delete cascade,
      n integer not null,
      query_id text not null,
      text text not null,
      -- [{external_id | document_id, gain}]
      judgements jsonb not null,
      primary key (evaluation_id, n)
    );

    -- One row a question and strategy: what is there need not be measured again.
    create table evaluation_scores (
      evaluation_id uuid not null,
      n integer not null,
      strategy text not null,
      -- judged documents that do not exist, and how many of those that matter (gain > 0) do
      missing integer not null,
      relevant integer not null,
      -- what was searched
      corpus_version bigint not null,
      model text,
      ndcg_10 double precision not null,
      recall_10 double precision not null,
      recall_100 double precision not null,
      mrr_10 double precision not null,
      primary key (evaluation_id, strategy, n),
      foreign key (evaluation_id, n) references evaluation_queries (evaluation_id, n) on delete cascade
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table evaluation_scores, evaluation_queries, evaluations, embedding_generations;
    delete from query_cache where corpus_version is null;
    alter table query_cache drop column generation_id, alter column corpus_version set not null;
  `);
}
