import type { Knex } from 'knex';

/**
 * What postings come and go is counted before the lock that orders writers is taken, not under it: of a document of 20,000 chunks
 * that is millions of them, and everybody else's documents waited for their grouping. Under the lock only the sums are changed.
 *
 * Which words have become common is looked for before it as well. Such a word gets its counts under the lock, of all postings it
 * has then; one that becomes common by two writers at once, unseen by both, is found by the next.
 *
 * A plan is made for each call: arrays of ten words and of a million have nothing in common.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function count_added_postings() returns trigger language plpgsql
      set plan_cache_mode = force_custom_plan set work_mem = '64MB' as $function$
    declare
      added_words text[];
      added_impacts smallint[];
      added_counts integer[];
      common_words text[];
    begin
      select array_agg(g.word), array_agg(g.impact), array_agg(g.postings) into added_words, added_impacts, added_counts
        from (select word, impact, count(*)::int as postings from changed group by word, impact) g;
      if added_words is null then return null; end if;
      select array_agg(s.word) into common_words
        from (select distinct word from changed where chunk_seq % 128 = 0) s
       where not exists (select from posting_counts k where k.word = s.word)
         and (select count(*) from (select from postings p where p.word = s.word limit 257) as found) > 256;

      perform from corpus_state for update;
      insert into posting_counts as c (word, impact, postings)
      select a.word, a.impact, a.postings from unnest(added_words, added_impacts, added_counts) as a(word, impact, postings)
       where exists (select from posting_counts k where k.word = a.word)
       order by a.word collate "C", a.impact
      on conflict (word, impact) do update set postings = c.postings + excluded.postings;

      if common_words is null then return null; end if;
      insert into posting_counts (word, impact, postings)
      select s.word, p.impact, p.postings from unnest(common_words) as s(word)
       cross join lateral (select impact, count(*)::int as postings from postings where word = s.word group by impact) as p
       where not exists (select from posting_counts k where k.word = s.word)
       order by s.word collate "C", p.impact;
      return null;
    end $function$;

    create or replace function count_removed_postings() returns trigger language plpgsql
      set plan_cache_mode = force_custom_plan set work_mem = '64MB' as $function$
    declare
      gone_words text[];
      gone_impacts smallint[];
      gone_counts integer[];
    begin
      select array_agg(g.word), array_agg(g.impact), array_agg(g.postings) into gone_words, gone_impacts, gone_counts
        from (select word, impact, count(*)::int as postings from changed group by word, impact) g;
      if gone_words is null then return null; end if;

      perform from corpus_state for update;
      with gone as materialized (
             select * from unnest(gone_words, gone_impacts, gone_counts) as g(word, impact, postings)),
           fewer as (update posting_counts c set postings = c.postings - g.postings from gone g
                      where c.word = g.word and c.impact = g.impact and c.postings > g.postings)
      delete from posting_counts c using gone g
       where c.word = g.word and c.impact = g.impact and c.postings = g.postings;
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

    create or replace function count_removed_postings() returns trigger language plpgsql as $function$
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
  `);
}
