import type { Knex } from 'knex';

/**
 * Collections: a document belongs to one, and its external_id is unique within it. Operations know the key that began them,
 * and keys see their own batches only, so those are listed by key. What admin routes show is of everything: an admin key
 * that is restricted would only seem to be.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table documents add column collection text not null default 'default';
    drop index documents_external_id;
    -- The name first: it is also looked for in all collections.
    create unique index documents_external_id on documents (external_id, collection) where deleted_at is null;
    create index documents_collection on documents (collection) where deleted_at is null;
    alter table operations add column api_key_id uuid;
    create index ingestion_batches_of_key on ingestion_batches (api_key_id, created_at desc, id desc);
    alter table api_keys add constraint api_keys_restricted check (scope <> 'admin' or permissions = '{}');
  `);
}

/** Documents of one name in several collections keep it with their collection's before it. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table api_keys drop constraint api_keys_restricted;
    drop index ingestion_batches_of_key;
    alter table operations drop column api_key_id;
    drop index documents_collection;
    drop index documents_external_id;
    update documents d set external_id = d.collection || '/' || d.external_id
     where d.deleted_at is null and d.external_id is not null and d.collection <> 'default'
       and exists (select from documents o where o.external_id = d.external_id and o.id <> d.id and o.deleted_at is null);
    create unique index documents_external_id on documents (external_id) where deleted_at is null;
    alter table documents drop column collection;
  `);
}
