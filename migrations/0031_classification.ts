import type { Knex } from 'knex';

/**
 * What documents are classified by and what came of it. Nodes are concepts (document_nodes): rows here name them by their id,
 * which holds in every version of the taxonomy.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Texts and documents that a person has put at a node; a document given with a path is one without standing here.
    create table classify_examples (
      id uuid primary key default gen_random_uuid(),
      node_id uuid not null,
      document_id uuid references documents (id) on delete cascade,
      -- of an example that is no document
      text text,
      embedding vector,
      model text,
      source text not null check (source in ('given', 'review')),
      created_by text not null,
      created_at timestamptz not null default now(),
      check ((document_id is null) <> (text is null)),
      unique (document_id)
    );
    create index classify_examples_newest on classify_examples (created_at desc, id desc);

    create table classify_rules (
      node_id uuid primary key,
      -- [{kind, value, confidence}]
      rules jsonb not null,
      updated_by text not null,
      updated_at timestamptz not null default now()
    );

    -- One row: grows with every change of examples and rules, so that a classifier learned before is known to be old.
    create table classify_state (
      only_row boolean primary key default true check (only_row),
      revision bigint not null default 0,
      -- the taxonomy version whose coming into force has been followed up
      seen_version text
    );
    insert into classify_state default values;

    -- What a classifier was learned from beside examples and rules: decided once, so that whoever learns it learns the same.
    create table classifiers (
      id uuid primary key default gen_random_uuid(),
      fingerprint text not null unique,
      taxonomy_version text not null,
      -- documents with a path given by their sender
      given uuid[] not null,
      -- documents at no node
      pool uuid[] not null,
      created_at timestamptz not null default now()
    );

    create table classifications (
      document_id uuid primary key references documents (id) on delete cascade,
      -- of the document
      version integer not null,
      classifier_id uuid not null,
      node_id uuid not null,
      confidence real not null,
      review boolean not null,
      -- nodes that it might be at, likeliest first: what changes about one of them concerns this document
      nodes uuid[] not null,
      result jsonb not null,
      -- to be classified again
      due boolean not null default false,
      classified_at timestamptz not null default now()
    );
    create index classifications_due on classifications (document_id) where due;
    create index classifications_nodes on classifications using gin (nodes);

    create table review_tasks (
      id uuid primary key default gen_random_uuid(),
      document_id uuid not null references documents (id) on delete cascade,
      -- withdrawn: classified again, and surely now; or it was placed by somebody else
      status text not null default 'open'
        check (status in ('open', 'assigned', 'approved', 'corrected', 'skipped', 'withdrawn')),
      node_id uuid not null,
      confidence real not null,
      -- uncertainty times reach
      priority real not null,
      assigned_to text,
      -- where the reviewer put it
      decided_node_id uuid,
      decided_by text,
      note text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      decided_at timestamptz
    );
    create unique index review_tasks_undecided on review_tasks (document_id) where status in ('open', 'assigned');
    create index review_tasks_queue on review_tasks (priority desc, id) where status in ('open', 'assigned');
    create index review_tasks_document on review_tasks (document_id);
    create index review_tasks_decided on review_tasks (decided_at) where decided_at is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table review_tasks, classifications, classifiers, classify_state, classify_rules, classify_examples;
  `);
}
