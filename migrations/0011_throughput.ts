import type { Knex } from 'knex';

/**
 * Uploads are written as they come, before there is a document: their parts belong to an upload, and accepting the document
 * names it in them. What was stored before gets one upload a version, so that no part is rewritten but for its key.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table blob_parts drop constraint blob_parts_pkey;
    alter table blob_parts
      alter column document_id drop not null,
      alter column version drop not null,
      add column upload_id uuid,
      add column stored_at timestamptz not null default now(),
      add constraint blob_parts_owner check ((document_id is null) = (version is null));
    update blob_parts set upload_id = md5(document_id::text || '/' || version)::uuid;
    alter table blob_parts
      alter column upload_id set default gen_random_uuid(),
      alter column upload_id set not null,
      add primary key (upload_id, part);
    create unique index blob_parts_version on blob_parts (document_id, version, part);
    create index blob_parts_staged on blob_parts (stored_at) where document_id is null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    delete from blob_parts where document_id is null;
    drop index blob_parts_staged;
    drop index blob_parts_version;
    alter table blob_parts drop constraint blob_parts_pkey, drop constraint blob_parts_owner;
    alter table blob_parts
      drop column upload_id,
      drop column stored_at,
      alter column document_id set not null,
      alter column version set not null,
      add primary key (document_id, version, part);
  `);
}
