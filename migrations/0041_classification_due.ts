import type { Knex } from 'knex';

/**
 * Documents that are to be classified are marked by what makes them so, instead of being looked for: a version that went live
 * without a place, or the loss of the place that somebody gave. Triggers see to it, whoever does that; on updates and deletes
 * alone, so that rows which are moved in mark nothing. What was classified before and is due again has `due` in its own row.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table classify_waiting (
      document_id uuid primary key references documents (id) on delete cascade,
      -- changes with every mark, so that whoever takes one away takes none that came meanwhile
      since timestamptz not null default clock_timestamp()
    );
    create index classify_waiting_oldest on classify_waiting (since, document_id);

    create function wait_for_classification(document uuid) returns void language sql as $$
      insert into classify_waiting (document_id)
      select d.id from documents d
       where d.id = document and d.live_version is not null and d.deleted_at is null
         and not exists (select from document_nodes a where a.document_id = d.id and a.source <> 'classified')
      on conflict (document_id) do update set since = excluded.since
    $$;

    create function classify_what_went_live() returns trigger language plpgsql as $$
    begin
      perform wait_for_classification(new.id);
      return null;
    end $$;
    create trigger classify_what_went_live after update of live_version on documents
      for each row when (new.live_version is distinct from old.live_version and new.live_version is not null)
      execute function classify_what_went_live();

    create function classify_what_lost_its_place() returns trigger language plpgsql as $$
    begin
      perform wait_for_classification(old.document_id);
      return null;
    end $$;
    create trigger classify_what_lost_its_place after delete on document_nodes
      for each row when (old.source <> 'classified') execute function classify_what_lost_its_place();

    insert into classify_waiting (document_id, since)
    select d.id, d.created_at from documents d left join classifications c on c.document_id = d.id
     where d.deleted_at is null and d.live_version is not null and (c.document_id is null or c.version <> d.live_version)
       and not exists (select from document_nodes a where a.document_id = d.id and a.source <> 'classified');

    -- Calls that were made to classify a document belong to no answer.
    alter table model_calls alter column answer_id drop not null;
    create index model_calls_loose on model_calls (created_at) where answer_id is null;

    -- The newest used are kept; the others go.
    alter table classifiers add column used_at timestamptz not null default now();
    create index classifiers_used on classifiers (used_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop trigger classify_what_went_live on documents;
    drop trigger classify_what_lost_its_place on document_nodes;
    drop function classify_what_went_live(), classify_what_lost_its_place(), wait_for_classification(uuid);
    drop table classify_waiting;
    alter table classifiers drop column used_at;
    drop index model_calls_loose;
    delete from model_calls where answer_id is null;
    alter table model_calls alter column answer_id set not null;
  `);
}
