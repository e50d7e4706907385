import type { Knex } from 'knex';

/** What the data suggests to change in the taxonomy; nothing changes before somebody accepts it. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table taxonomy_suggestions (
      id uuid primary key default gen_random_uuid(),
      kind text not null check (kind in ('split', 'merge', 'missing')),
      -- of a split one, of a merge two; of a missing node, once accepted, the new one
      node_ids uuid[] not null,
      -- what it is about: the same is suggested once
      about text not null,
      evidence jsonb not null,
      status text not null default 'open' check (status in ('open', 'accepted', 'rejected', 'outdated')),
      decided_at timestamptz,
      decided_by text,
      reason text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    create unique index taxonomy_suggestions_about on taxonomy_suggestions (about) where status = 'open';
    create index taxonomy_suggestions_newest on taxonomy_suggestions (created_at desc, id desc);

    -- Documents that it would put elsewhere, and to which part.
    create table taxonomy_suggestion_documents (
      suggestion_id uuid not null references taxonomy_suggestions (id) on delete cascade,
      document_id uuid not null references documents (id) on delete cascade,
      part smallint not null,
      primary key (suggestion_id, document_id)
    );
    create index taxonomy_suggestion_documents_document on taxonomy_suggestion_documents (document_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table taxonomy_suggestion_documents, taxonomy_suggestions');
}
