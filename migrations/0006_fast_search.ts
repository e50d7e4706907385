import type { Knex } from 'knex';

/**
 * Both legs of search made fast without becoming inexact.
 *
 * Words: each posting gets its impact class, made of the steps that its frequency and its chunk's length fall into, and the
 * index is read by (word, class). From a class follows the most that its postings can score, whatever k1, b and the mean
 * length are, so that a query reads the classes that matter and can prove that the others do not. posting_counts holds how
 * many postings each class has: document frequencies without counting. Triggers keep it, so every writer keeps it exact,
 * cascades and truncates included; the lock on corpus_state, which every writer of the corpus takes anyway, orders them.
 * The steps are those of src/db/impacts.ts.
 *
 * Meaning: vectors stay float4 beside their rows; their indexes, which upkeep makes for each model, are of half precision.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Beside its row while a page can hold it, up to 2,000 dimensions: an exact scan reads pages, not the TOAST table.
    alter table chunk_vectors alter column embedding set storage main;

    alter table postings add column impact smallint not null generated always as (
      (16 * width_bucket(frequency, array[2, 3, 4, 6, 8, 12]::smallint[])
        + width_bucket(word_count, array[8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048]))::smallint) stored;
    alter table postings drop constraint postings_pkey;
    alter table postings add primary key (chunk_seq, word) include (frequency, word_count, impact);
    drop index postings_chunk;
    create index postings_word on postings (word, impact) include (chunk_seq, frequency, word_count);

    drop index chunks_live;
    create index chunks_live on chunks (seq) include (document_id) where live;
    create index chunks_of_documents on chunks (document_id) include (seq) where live;

    create table posting_counts (
      word text not null,
      impact smallint not null,
      postings integer not null check (postings > 0),
      primary key (word, impact) include (postings)
    ) with (fillfactor = 70);
    insert into posting_counts (word, impact, postings) select word, impact, count(*) from postings group by word, impact;
  `);
  await knex.raw(countingFunctions);
  await knex.raw(`
    create trigger postings_added after insert on postings referencing new table as changed
      for each statement execute function count_added_postings();
    create trigger postings_removed after delete on postings referencing old table as changed
      for each statement execute function count_removed_postings();
    create trigger postings_truncated after truncate on postings
      for each statement execute function forget_posting_counts();

    -- How well the vector index finds what an exact search finds: the last measurement of each model.
    create table vector_recall (
      model text primary key,
      k integer not null,
      samples integer not null,
      indexed boolean not null,
      recall real not null,
      search_p50_ms real not null,
      search_p95_ms real not null,
      exact_p50_ms real not null,
      exact_p95_ms real not null,
      measured_at timestamptz not null default now()
    );
  `);
}

const countingFunctions = `
  create function count_added_postings() returns trigger language plpgsql as $function$
  begin
    if not exists (select from changed) then return null; end if;
    perform from corpus_state for update;
    insert into posting_counts as c (word, impact, postings)
    select word, impact, count(*) from changed group by word, impact
    on conflict (word, impact) do update set postings = c.postings + excluded.postings;
    return null;
  end $function$;

  create function count_removed_postings() returns trigger language plpgsql as $function$
  begin
    if not exists (select from changed) then return null; end if;
    perform from corpus_state for update;
    with gone as (select word, impact, count(*)::int as postings from changed group by word, impact),
         fewer as (update posting_counts c set postings = c.postings - g.postings from gone g
                    where c.word = g.word and c.impact = g.impact and c.postings > g.postings)
    delete from posting_counts c using gone g
     where c.word = g.word and c.impact = g.impact and c.postings = g.postings;
    return null;
  end $function$;

  create function forget_posting_counts() returns trigger language plpgsql as $function$
  begin
    truncate posting_counts;
    return null;
  end $function$;
`;

export async function down(knex: Knex): Promise<void> {
  const { rows } = await knex.raw(
    `select indexrelid::regclass::text as name from pg_index
      where indrelid = 'chunk_vectors'::regclass and indexrelid::regclass::text like 'chunk_vectors_hnsw_%'`,
  );
  for (const { name } of rows) await knex.raw(`drop index ${name}`);
  await knex.raw(`
    drop table vector_recall;
    drop trigger postings_truncated on postings;
    drop trigger postings_removed on postings;
    drop trigger postings_added on postings;
    drop function forget_posting_counts();
    drop function count_removed_postings();
    drop function count_added_postings();
    drop table posting_counts;

    drop index chunks_of_documents;
    drop index chunks_live;
    create index chunks_live on chunks (live) where live;

    drop index postings_word;
    alter table postings drop constraint postings_pkey;
    alter table postings drop column impact;
    alter table postings add primary key (word, chunk_seq) include (frequency, word_count);
    create index postings_chunk on postings (chunk_seq);

    alter table chunk_vectors alter column embedding set storage external;
  `);
}
