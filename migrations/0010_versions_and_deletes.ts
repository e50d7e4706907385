import type { Knex } from 'knex';

/**
 * Versions that can be looked at and restored, vectors that are asked for once, and deletes of many documents at a time.
 *
 * chunks.text_hash is the SHA-256 of exactly what the embedding model was given; kept_vectors holds vectors of chunks that a
 * newer version replaced, without an index for search: only a text that comes again reads them. What is there already gets
 * the hash of what was sent for it until now: title, heading and text, one a line.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table chunks add column text_hash bytea;
    update chunks c set text_hash = sha256(convert_to(concat_ws(E'\\n',
        nullif(coalesce(v.attributes->>'title', v.found->>'title'), ''), nullif(c.heading, ''), c.text), 'UTF8'))
      from document_versions v where v.document_id = c.document_id and v.version = c.version;
    create index chunks_text_hash on chunks (text_hash) where text_hash is not null;

    create table kept_vectors (
      document_id uuid not null,
      version integer not null,
      model text not null,
      text_hash bytea not null,
      embedding vector not null,
      primary key (document_id, version, model, text_hash),
      foreign key (document_id, version) references document_versions (document_id, version) on delete cascade
    );
    create index kept_vectors_text on kept_vectors (text_hash, model);

    -- Texts that somebody is asking a model about at this moment.
    create table embedding_claims (
      model text not null,
      text_hash bytea not null,
      token uuid not null,
      until timestamptz not null,
      primary key (model, text_hash)
    );
    create index embedding_claims_token on embedding_claims (token);

    alter table document_versions
      -- of the content alone, without what was said of it
      add column source_hash text,
      -- of content and settings that its chunks were made with: the same again are the same chunks
      add column recipe text,
      add column restored_from integer,
      -- when text, bytes and kept vectors of an old version were removed
      add column swept_at timestamptz;

    alter table operations
      -- null when it is about many
      alter column target drop not null,
      add column total integer not null default 1,
      -- the receipt so far
      add column partial jsonb not null default '{}';
    alter table documents add column deleted_by uuid;
    update documents d set deleted_by = o.id from operations o
     where d.deleted_at is not null and o.verb = 'delete_document' and o.target = d.id;
    -- Documents with old versions, whose content is swept at some time.
    create index documents_history on documents (version) where version > 1;
    create index documents_deleted_by on documents (deleted_by, id) where deleted_by is not null;

    -- Who cites a document, and which kept replies are about it.
    create index answers_sources on answers using gin ((result->'sources') jsonb_path_ops);
    create index idempotency_keys_resource on idempotency_keys ((response->'body'->>'id'));
    create index idempotency_keys_sources on idempotency_keys using gin ((response->'body'->'sources') jsonb_path_ops);

    -- Rows that belong to nothing, as the last scan found them.
    create table orphans (
      kind text primary key,
      found integer not null,
      removed bigint not null default 0,
      scanned_at timestamptz not null default now()
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table orphans;
    drop index idempotency_keys_sources, idempotency_keys_resource, answers_sources, documents_deleted_by, documents_history;
    alter table documents drop column deleted_by;
    delete from operations where target is null;
    alter table operations drop column partial, drop column total, alter column target set not null;
    alter table document_versions
      drop column swept_at, drop column restored_from, drop column recipe, drop column source_hash;
    drop table embedding_claims, kept_vectors;
    alter table chunks drop column text_hash;
  `);
}
