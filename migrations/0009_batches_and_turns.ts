import type { Knex } from 'knex';

/**
 * Batches that are received line by line, versions that keep what was done of them when they fail, and turns: where a version
 * stands in its queue, so that neither a bulk load nor a stream of urgent work keeps others out.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table ingestion_batches
      alter column total set default 0,
      -- who still takes in lines, and until when that is believed without another sign of life
      add column receiver uuid,
      add column receiving_until timestamptz,
      -- SHA-256 of the lines taken in so far, as they came: what a second try must begin with
      add column received_hash text,
      -- why it holds less than was to be sent: {code, detail, retryable}
      add column error jsonb;
    create index ingestion_batches_newest on ingestion_batches (created_at desc, id desc);

    alter table document_versions
      -- who sent it; the nil uuid is the admin key of the environment
      add column api_key_id uuid not null default '00000000-0000-0000-0000-000000000000',
      -- place in the queue of the stage that it waits for; null until it is nudged
      add column turn bigint,
      add column failed_in text check (failed_in in ('parsing', 'embedding')),
      add column embed_failures integer not null default 0;
    create index document_versions_turns on document_versions (status, api_key_id, priority, turn)
      where status in ('queued', 'embedding');
    create index document_versions_kept on document_versions (updated_at)
      where status in ('failed', 'cancelled') and chunk_count > 0;

    -- The virtual time of a queue: clock is the turn of the newest work begun, base what it was when the queue was last empty.
    create table fair_clocks (
      queue text primary key,
      clock bigint not null default 0,
      base bigint not null default 0
    );
    insert into fair_clocks (queue) values ('ingestion'), ('embedding');
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table fair_clocks;
    drop index document_versions_turns, document_versions_kept, ingestion_batches_newest;
    alter table document_versions drop column api_key_id, drop column turn, drop column failed_in, drop column embed_failures;
    alter table ingestion_batches alter column total drop default, drop column receiver, drop column receiving_until,
      drop column received_hash, drop column error;
  `);
}
