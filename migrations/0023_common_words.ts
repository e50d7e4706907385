import type { Knex } from 'knex';

/**
 * Counts by class are kept of common words only. To keep them of every word was two thirds of what going live cost, most of it
 * for words that stand in a few chunks, whose postings are counted sooner than their counts are kept: a reader that finds no
 * counts of a word counts its postings (src/db/search-words.ts), so what is read is exact either way.
 *
 * A word becomes common when more than 256 postings are found of it; whoever adds a posting in one of every 128 chunks looks. A
 * word has counts of all its classes or none. One of which the last posting goes has none again.
 *
 * Words are compared byte by byte, which costs a fraction of what a language's order does, in every look into their indexes.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table posting_counts drop constraint posting_counts_pkey;
    alter table posting_counts alter column word type text collate "C";
    alter table postings alter column word type text collate "C";
    delete from posting_counts where word in (select word from posting_counts group by word having sum(postings) <= 256);
    -- Without the count, which changes: an update then leaves the index alone.
    alter table posting_counts add primary key (word, impact);

    create or replace function count_added_postings() returns trigger language plpgsql as $function$
    begin
      if not exists (select from changed) then return null; end if;
      perform from corpus_state for update;
      with added as materialized (select word, impact, count(*)::int as postings from changed group by word, impact)
      insert into posting_counts as c (word, impact, postings)
      select word, impact, postings from added a
       where exists (select from posting_counts k where k.word = a.word)
       order by word, impact
      on conflict (word, impact) do update set postings = c.postings + excluded.postings;

      with seen as materialized (select distinct word from changed where chunk_seq % 128 = 0),
           common as materialized (
             select word from seen s
              where not exists (select from posting_counts k where k.word = s.word)
                and (select count(*) from (select from postings p where p.word = s.word limit 257) as found) > 256)
      insert into posting_counts (word, impact, postings)
      select c.word, p.impact, p.postings from common c
       cross join lateral (select impact, count(*)::int as postings from postings where word = c.word group by impact) as p
       order by c.word, p.impact;
      return null;
    end $function$;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function count_added_postings() returns trigger language plpgsql as $function$
    begin
      if not exists (select from changed) then return null; end if;
      perform from corpus_state for update;
      insert into posting_counts as c (word, impact, postings)
      select word, impact, count(*) from changed group by word, impact
      on conflict (word, impact) do update set postings = c.postings + excluded.postings;
      return null;
    end $function$;

    alter table posting_counts drop constraint posting_counts_pkey;
    alter table posting_counts alter column word type text collate "default";
    alter table postings alter column word type text collate "default";
    truncate posting_counts;
    insert into posting_counts (word, impact, postings) select word, impact, count(*) from postings group by word, impact;
    alter table posting_counts add primary key (word, impact) include (postings);
  `);
}
