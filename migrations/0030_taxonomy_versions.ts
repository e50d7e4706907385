import type { Knex } from 'knex';

/**
 * Nodes are concepts that keep their id in all versions; a version says where each stands and how it is called. Documents are
 * assigned to concepts, and what a version does with a concept that it has no node for, or has split, is part of the version:
 * so publishing and rolling back write no document, and a rollback finds every assignment as it was.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table taxonomy_versions
      add column parent text,
      -- null: the draft
      add column published_at timestamptz,
      add column published_by text,
      add column reason text;
    update taxonomy_versions set published_at = created_at;
    -- The first version, and whatever else is written without saying more, is published.
    alter table taxonomy_versions alter column published_at set default now();
    create unique index taxonomy_versions_draft on taxonomy_versions ((true)) where published_at is null;

    alter table taxonomy_nodes
      add column parent_id uuid,
      add column description text not null default '',
      -- the concept whose documents it took a part of
      add column split_from uuid,
      drop constraint taxonomy_nodes_pkey,
      drop constraint taxonomy_nodes_version_path_key,
      drop constraint taxonomy_nodes_version_fkey;
    update taxonomy_nodes n set parent_id = p.id from taxonomy_nodes p
     where p.version = n.version and cardinality(n.path) > 1 and p.path = n.path[1:cardinality(n.path) - 1];
    alter table taxonomy_nodes
      add primary key (version, id),
      -- What makes paths unique, in a size that an index takes whatever the labels.
      add constraint taxonomy_nodes_place unique nulls not distinct (version, parent_id, label),
      add foreign key (version) references taxonomy_versions (version) on update cascade on delete cascade;
    create index taxonomy_nodes_path on taxonomy_nodes using hash (path);
    create index taxonomy_nodes_id on taxonomy_nodes (id);

    -- Parents beside the one that the path goes through.
    create table taxonomy_parents (
      version text not null references taxonomy_versions (version) on update cascade on delete cascade,
      id uuid not null,
      parent_id uuid not null,
      primary key (version, parent_id, id)
    );

    -- Concepts that the version has no node for, and the node that stands for them there; null: none does.
    create table taxonomy_redirects (
      version text not null references taxonomy_versions (version) on update cascade on delete cascade,
      id uuid not null,
      node_id uuid,
      -- absent: it was not known yet when the version was published
      kind text not null check (kind in ('merged', 'deleted', 'split', 'absent')),
      primary key (version, id)
    );

    -- Documents of a split concept that did not go with the others.
    create table taxonomy_allotments (
      version text not null references taxonomy_versions (version) on update cascade on delete cascade,
      document_id uuid not null references documents (id) on delete cascade,
      from_id uuid not null,
      node_id uuid not null,
      primary key (version, document_id, from_id)
    );
    create index taxonomy_allotments_document on taxonomy_allotments (document_id);

    -- The last number is what an editor has seen of it (ETag).
    create table taxonomy_history (
      seq bigint generated always as identity primary key,
      at timestamptz not null default now(),
      -- what it changed; of an edit the draft, which becomes the version that it is published as
      version text references taxonomy_versions (version) on update cascade on delete set null,
      action text not null,
      node_id uuid,
      details jsonb not null,
      actor_id uuid,
      actor text not null,
      reason text
    );

    create table document_nodes (
      document_id uuid not null references documents (id) on delete cascade,
      node_id uuid not null,
      -- given: said by whoever sent the document; classified: by the machine; review: by a person
      source text not null check (source in ('given', 'classified', 'review')),
      confidence real not null default 1 check (confidence between 0 and 1),
      evidence jsonb,
      created_at timestamptz not null default now(),
      primary key (document_id, node_id)
    );
    -- So that counting those that are not hidden need not look at them all.
    create index documents_hidden on documents (id) where deleted_at is not null;
    create index document_nodes_node on document_nodes (node_id, document_id);

    alter table document_versions add column node_id uuid;

    -- Paths that documents have and the taxonomy does not know, with all that leads there.
    insert into taxonomy_nodes (version, path, label)
    select distinct t.version, d.taxonomy_path[1:depth], d.taxonomy_path[depth]
      from taxonomy_versions t, documents d cross join lateral generate_series(1, cardinality(d.taxonomy_path)) as depth
     where t.in_force and not exists (
       select from taxonomy_nodes n where n.version = t.version and n.path = d.taxonomy_path[1:depth]);
    update taxonomy_nodes n set parent_id = p.id from taxonomy_nodes p
     where p.version = n.version and cardinality(n.path) > 1 and p.path = n.path[1:cardinality(n.path) - 1]
       and n.parent_id is null;
    insert into document_nodes (document_id, node_id, source, created_at)
    select d.id, n.id, 'given', d.created_at from documents d
      join taxonomy_versions t on t.in_force join taxonomy_nodes n on n.version = t.version and n.path = d.taxonomy_path;
    update document_versions v set node_id = n.id from taxonomy_versions t join taxonomy_nodes n on n.version = t.version
     where t.in_force and jsonb_typeof(v.attributes->'taxonomy_path') = 'array'
       and n.path = array(select jsonb_array_elements_text(v.attributes->'taxonomy_path'));
    alter table documents drop column taxonomy_path;

    -- Which nodes documents stand at, in every version; a document stands at a node twice where two of its concepts do.
    create view document_places as
    select v.version, a.document_id, a.node_id as assigned_id, n.id as node_id, n.path, a.source, a.confidence,
           case a.source when 'given' then 1 when 'review' then 2 else 3 end as rank
      from document_nodes a
     cross join taxonomy_versions v
      left join taxonomy_allotments t on t.version = v.version and t.document_id = a.document_id and t.from_id = a.node_id
      left join taxonomy_redirects r on r.version = v.version and r.id = coalesce(t.node_id, a.node_id)
      join taxonomy_nodes n on n.version = v.version and n.id = coalesce(r.node_id, t.node_id, a.node_id);

    -- The nodes in force that stand for a path: its own, else those of the concept that it was the path of last. What took a
    -- deleted concept's documents, or stands for one that is not known yet, has others too and does not stand for the path.
    create function taxonomy_roots(wanted text[]) returns setof uuid stable rows 1 language sql as $function$
      with force as (select version from taxonomy_versions where in_force),
           own as (select n.id from taxonomy_nodes n join force f on f.version = n.version where n.path = wanted),
           former as (
             select o.id from taxonomy_nodes o join taxonomy_versions w on w.version = o.version and w.published_at is not null
              where o.path = wanted and not exists (select from own)
              order by w.published_at desc, w.created_at desc limit 1)
      select id from own
      union select n.id from former o join force f on true
              join taxonomy_nodes n on n.version = f.version and (n.id = o.id or n.split_from = o.id)
      union select r.node_id from former o join force f on true
              join taxonomy_redirects r on r.version = f.version and r.id = o.id and r.kind = 'merged'
             where r.node_id is not null
    $function$;

    -- The same with all that is below them, by whichever parent.
    create function taxonomy_branch(wanted text[]) returns setof uuid stable rows 100 language sql as $function$
      with recursive force as (select version from taxonomy_versions where in_force),
           branch as (
             select id from taxonomy_roots(wanted) as id
             union
             select e.id from branch b cross join force f cross join lateral (
               select n.id from taxonomy_nodes n where n.version = f.version and n.parent_id = b.id
               union all
               select p.id from taxonomy_parents p where p.version = f.version and p.parent_id = b.id) as e)
      select id from branch
    $function$;
  `);
}

/** The version in force stays, with the place that a document is shown under; a draft and other assignments go. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table documents add column taxonomy_path text[] not null default '{}';
    update documents d set taxonomy_path = p.path from (
      select distinct on (p.document_id) p.document_id, p.path from document_places p
        join taxonomy_versions t on t.version = p.version and t.in_force
       order by p.document_id, p.rank, p.confidence desc, p.node_id) as p
     where p.document_id = d.id;
    create index documents_taxonomy on documents using gin (taxonomy_path);
    drop index documents_hidden;
    drop function taxonomy_branch(text[]);
    drop function taxonomy_roots(text[]);
    drop view document_places;
    alter table document_versions drop column node_id;
    drop table document_nodes, taxonomy_history, taxonomy_allotments, taxonomy_redirects, taxonomy_parents;

    delete from taxonomy_versions where published_at is null;
    update taxonomy_nodes n set id = gen_random_uuid() from taxonomy_versions t where t.version = n.version and not t.in_force;
    drop index taxonomy_nodes_path, taxonomy_nodes_id;
    alter table taxonomy_nodes
      drop constraint taxonomy_nodes_pkey,
      drop constraint taxonomy_nodes_place,
      drop constraint taxonomy_nodes_version_fkey,
      drop column parent_id, drop column description, drop column split_from,
      add primary key (id),
      add unique (version, path),
      add foreign key (version) references taxonomy_versions (version) on delete cascade;
    drop index taxonomy_versions_draft;
    alter table taxonomy_versions drop column parent, drop column published_at, drop column published_by,
      drop column reason;
  `);
}
