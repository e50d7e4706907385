import type { Knex } from 'knex';

/**
 * Uploads are written as they come, before there is a document: their parts belong to an upload, and accepting the document
 * names it in them. What was stored before gets one upload a version, so that no part is rewritten but for its key.
 *
 * Long texts are stored in parts as well, which are written while the document is still being read. Postings follow their chunks
 * by statement instead of row by row.
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

    -- The text of a version that is too long for its row, in order: offsets count UTF-16 units of all parts together.
    create table text_parts (
      document_id uuid not null,
      version integer not null,
      start_char integer not null,
      text text not null,
      primary key (document_id, version, start_char),
      foreign key (document_id, version) references document_versions (document_id, version) on delete cascade
    );

    -- A look at chunks for each posting was a fifth of what going live took, and a delete counted chunk by chunk. Both go by
    -- statement now; whoever adds postings holds their chunks, so none can stay behind.
    alter table postings drop constraint postings_chunk_seq_fkey;
    create function remove_postings() returns trigger language plpgsql as $function$
    begin
      delete from postings p using gone g where p.chunk_seq = g.seq;
      return null;
    end $function$;
    create trigger chunks_removed after delete on chunks referencing old table as gone
      for each statement execute function remove_postings();
    create function remove_all_postings() returns trigger language plpgsql as $function$
    begin
      delete from postings;
      return null;
    end $function$;
    create trigger chunks_truncated after truncate on chunks
      for each statement execute function remove_all_postings();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop trigger chunks_truncated on chunks;
    drop function remove_all_postings();
    drop trigger chunks_removed on chunks;
    drop function remove_postings();
    alter table postings add constraint postings_chunk_seq_fkey foreign key (chunk_seq) references chunks (seq) on delete cascade;
    update document_versions v set text = p.text
      from (select document_id, version, string_agg(text, '' order by start_char) as text from text_parts group by 1, 2) p
     where v.document_id = p.document_id and v.version = p.version;
    drop table text_parts;
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
