import type { Knex } from 'knex';

/**
 * The corpus: documents, their versions, the bytes they came as, and the chunks that search reads.
 *
 * A version is the unit of ingestion work (it carries status and lease); a document points at the version that
 * is live. Chunks of a version being built are `live = false` and have no postings, so statistics of the keyword
 * index count exactly what can be found.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create extension if not exists vector;

    create table ingestion_batches (
      id uuid primary key default gen_random_uuid(),
      api_key_id uuid,
      total integer not null,
      cancelled_at timestamptz,
      created_at timestamptz not null default now()
    );

    create table documents (
      id uuid primary key default gen_random_uuid(),
      external_id text,
      title text,
      source_url text,
      author text,
      language text,
      taxonomy_path text[] not null default '{}',
      metadata jsonb not null default '{}',
      -- the newest version accepted; its row says how far it got
      version integer not null,
      -- the version that search reads; null until the first one is ready
      live_version integer,
      api_key_id uuid,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      deleted_at timestamptz
    );
    create unique index documents_external_id on documents (external_id) where deleted_at is null;
    create index documents_newest on documents (created_at desc, id desc) where deleted_at is null;
    create index documents_taxonomy on documents using gin (taxonomy_path);
    create index documents_metadata on documents using gin (metadata jsonb_path_ops);

    create table document_versions (
      document_id uuid not null references documents (id) on delete cascade,
      version integer not null,
      status text not null default 'queued'
        check (status in ('queued', 'parsing', 'embedding', 'ready', 'failed', 'cancelled')),
      content_hash text not null,
      content_type text not null,
      file_name text,
      -- what the caller said of it (title, author, taxonomy_path, …): taken over into documents when the version goes live
      attributes jsonb not null,
      bytes bigint not null,
      -- JSON text is kept as given (NFC); a file's text appears when it is parsed, its bytes are in blob_parts
      text text,
      -- [{page, start, end}]: UTF-16 offsets into text
      pages jsonb not null default '[]',
      -- what the parser found: {title, author, date, language}
      found jsonb not null default '{}',
      chunk_count integer not null default 0,
      priority smallint not null default 5 check (priority between 1 and 10),
      error jsonb,
      attempts integer not null default 0,
      lease_token uuid,
      lease_until timestamptz,
      queued_at timestamptz not null default now(),
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      primary key (document_id, version)
    );
    create index document_versions_unfinished on document_versions (queued_at)
      where status in ('queued', 'parsing', 'embedding');

    create table blob_parts (
      document_id uuid not null,
      version integer not null,
      part integer not null,
      bytes bytea not null,
      primary key (document_id, version, part),
      foreign key (document_id, version) references document_versions (document_id, version) on delete cascade
    );
    alter table blob_parts alter column bytes set storage external;

    create table ingestion_items (
      batch_id uuid not null references ingestion_batches (id) on delete cascade,
      n integer not null,
      external_id text,
      document_id uuid,
      version integer,
      -- accepted: the version row says the rest; unchanged: the same content was there already; failed: never became a document
      outcome text not null check (outcome in ('accepted', 'unchanged', 'failed')),
      error jsonb,
      primary key (batch_id, n)
    );
    create index ingestion_items_document on ingestion_items (document_id, version);

    create table chunks (
      seq bigint generated always as identity primary key,
      id uuid not null unique default gen_random_uuid(),
      document_id uuid not null,
      version integer not null,
      n integer not null,
      -- UTF-16 offsets into the version's text: text = version.text.slice(start_char, end_char)
      start_char integer not null,
      end_char integer not null,
      page integer,
      heading text,
      text text not null,
      -- analysed words of heading and text with their frequencies; word_count is their sum
      words text[] not null,
      frequencies smallint[] not null,
      word_count integer not null,
      live boolean not null default false,
      embed_token uuid,
      embed_until timestamptz,
      unique (document_id, version, n),
      foreign key (document_id, version) references document_versions (document_id, version) on delete cascade
    );
    create index chunks_live on chunks (live) where live;

    create table chunk_vectors (
      chunk_seq bigint not null references chunks (seq) on delete cascade,
      model text not null,
      embedding vector not null,
      primary key (model, chunk_seq)
    );
    create index chunk_vectors_chunk on chunk_vectors (chunk_seq);

    -- One row a word and live chunk: the inverted index of BM25. Rows come and go with the switch of a version and with
    -- deletes, in the same transaction, so document frequencies are always exact.
    create table postings (
      word text not null,
      chunk_seq bigint not null references chunks (seq) on delete cascade,
      frequency smallint not null,
      word_count integer not null,
      primary key (word, chunk_seq) include (frequency, word_count)
    );
    create index postings_chunk on postings (chunk_seq);

    -- One row: the corpus as search sees it. version grows with every change, so a cache keyed by it can't be stale.
    create table corpus_state (
      only_row boolean primary key default true check (only_row),
      version bigint not null default 0,
      live_chunks bigint not null default 0,
      live_words bigint not null default 0,
      -- embedded tier only: the version at which its tables were last vacuumed
      vacuumed_version bigint not null default 0
    );
    insert into corpus_state default values;

    create table taxonomy_versions (
      version text primary key,
      in_force boolean not null default false,
      created_at timestamptz not null default now()
    );
    create unique index taxonomy_versions_in_force on taxonomy_versions (in_force) where in_force;
    insert into taxonomy_versions (version, in_force) values ('1.0.0', true);

    create table taxonomy_nodes (
      id uuid primary key default gen_random_uuid(),
      version text not null references taxonomy_versions (version) on delete cascade,
      path text[] not null,
      label text not null,
      created_at timestamptz not null default now(),
      unique (version, path)
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table taxonomy_nodes, taxonomy_versions, corpus_state, postings, chunk_vectors, chunks,
      ingestion_items, blob_parts, document_versions, documents, ingestion_batches;
  `);
}
