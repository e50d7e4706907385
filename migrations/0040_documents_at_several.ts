import type { Knex } from 'knex';

/**
 * Documents with several assignments, which are few: a tree counts all others by their assignments alone. Whatever writes an
 * assignment, the trigger keeps the list; one that has lost all but one of its assignments may stay in it, none is ever missing.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table documents_at_several (
      document_id uuid primary key references documents (id) on delete cascade
    );

    create function note_several() returns trigger language plpgsql as $function$
    begin
      -- Who assigns the same document beside us waits here, and then sees both assignments.
      perform from documents d where d.id in (select document_id from added) order by d.id for no key update;
      insert into documents_at_several (document_id)
      select distinct n.document_id from added n where exists (
        select from document_nodes a where a.document_id = n.document_id and a.node_id <> n.node_id)
      on conflict do nothing;
      return null;
    end $function$;
    create trigger document_nodes_several after insert on document_nodes
      referencing new table as added for each statement execute function note_several();

    insert into documents_at_several (document_id)
    select document_id from document_nodes group by document_id having count(*) > 1;

    -- From a node to the concepts that it stands for.
    create index taxonomy_redirects_node on taxonomy_redirects (version, node_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index taxonomy_redirects_node;
    drop trigger document_nodes_several on document_nodes;
    drop function note_several();
    drop table documents_at_several;
  `);
}
