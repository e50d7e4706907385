import type { Db } from './connect.ts';
import { type Reading, scoreUnits, unreadBound } from './plan-reading.ts';
import { arrayOf, type ScoredChunk } from './search.ts';
import { inScope, type Scope } from './search-scope.ts';
import type { Bm25, WordStatistic } from './search-words.ts';

/** Words to score by, each of which has postings. */
export interface Scoring {
  db: Db;
  words: readonly WordStatistic[];
  bm25: Bm25;
  averageLength: number;
}

export interface Query extends Scoring {
  scope: Scope;
  limit: number;
  /** How many of the best must be proven to be the best. */
  certain: number;
}

/** What one posting adds to the score, as a whole multiple of 2⁻³⁶. */
const part = `round(q.factor * p.frequency / (p.frequency + :base::float8 + :slope::float8 * p.word_count) * ${scoreUnits}) / ${scoreUnits}`;

/** The whole score of a chunk, word by word; null when it holds none. */
export function fullScore(seq: string): string {
  return `(select sum(${part}) from unnest(:words::text[], :factors::float8[]) as q(word, factor)
            cross join lateral (${probe(seq)}) as p)`;
}

/** One word in one chunk. The offset keeps the planner from reading all words of the chunk instead. */
function probe(seq: string): string {
  return `select frequency, word_count, impact from postings where chunk_seq = ${seq} and word = q.word offset 0`;
}

/** What is missing in the score of a chunk after `readPostings`: scores are sums of whole multiples, so nothing is lost. */
function unreadScore(seq: string): string {
  return `coalesce((select sum(${part})
            from unnest(:words::text[], :factors::float8[], :unread::float8[], :impacts::text[]) as q(word, factor, unread, impacts)
            cross join lateral (${probe(seq)}) as p
           where q.unread > 0 and p.impact <> all(q.impacts::smallint[])), 0)`;
}

export function parameters(words: readonly WordStatistic[], { k1, b }: Bm25, averageLength: number) {
  return {
    words: words.map(({ word }) => word),
    factors: words.map(({ idf }) => idf * (k1 + 1)),
    base: k1 * (1 - b),
    slope: (k1 * b) / averageLength,
  };
}

/** The scores of these chunks; one that holds none of the words is missing. */
export async function readChunks(
  { db, words, bm25, averageLength }: Scoring,
  seqs: readonly number[],
): Promise<ScoredChunk[]> {
  const { rows } = await db.raw(
    `select seq, score from (select seq, ${fullScore('s.seq')} as score from unnest(:seqs::bigint[]) as s(seq)) as scored
      where score is not null`,
    { seqs: arrayOf(seqs), ...parameters(words, bm25, averageLength) },
  );
  return rows;
}

/** Every posting of every word. What has to be looked up is looked up from the best chunk on, until there are enough. */
export async function readAll({
  db,
  words,
  scope,
  limit,
  bm25,
  averageLength,
}: Query): Promise<ScoredChunk[]> {
  const [early, late] = conditions(scope, 'p.chunk_seq', 'ranked.seq');
  const { rows } = await db.raw(
    `select seq, score from (
       select p.chunk_seq as seq, sum(${part}) as score
         from unnest(:words::text[], :factors::float8[]) as q(word, factor) join postings p on p.word = q.word
        where ${early.sql} group by p.chunk_seq order by score desc, seq) as ranked
      where ${late.sql} limit :limit`,
    { ...parameters(words, bm25, averageLength), ...early.bindings, ...late.bindings, limit },
  );
  return rows;
}

/** The postings of these readings, a row each, as `q` (word, factor, unread) and `p`. */
const readPostings = `unnest(:words::text[], :factors::float8[], :unread::float8[], :impacts::text[]) as q(word, factor, unread, impacts)
  cross join lateral (select chunk_seq, frequency, word_count from postings
                       where word = q.word and impact = any(q.impacts::smallint[]) offset 0) as p`;

/**
 * The best chunks of those of which something is read. `partial` is what was read of a chunk's score, `most` what the whole
 * can be. The chunks that are best in part give a score that the last of the certain ones reaches at least, and with it those
 * that can be among them at all: only these are looked up. Undefined when they are more than `lookups`: nothing was looked up then.
 */
export async function readSome(
  query: Query,
  readings: readonly Reading[],
  lookups: number,
): Promise<ScoredChunk[] | undefined> {
  const { db, words, scope, limit, certain, bm25, averageLength } = query;
  const [early, late] = conditions(scope, 'p.chunk_seq', 'candidates.seq');
  const { rows } = await db.raw(
    `with candidates as materialized (
       select p.chunk_seq as seq, sum(${part}) as partial, sum(${part}) - sum(q.unread) + :rest::float8 as most
         from ${readPostings} where ${early.sql} group by p.chunk_seq),
     promising as materialized (
       select seq, partial from (select seq, partial from candidates order by partial desc) as candidates where ${late.sql} limit :promising),
     scored as materialized (select seq, partial + ${unreadScore('promising.seq')} as score from promising),
     bar as (select score from scored order by score desc offset :certain - 1 limit 1),
     others as materialized (
       select seq, partial from candidates where most >= coalesce((select score from bar), 0)
          and seq <> all(array(select seq from promising)) and ${late.sql} limit :lookups + 1),
     few as (select count(*) <= :lookups as yes from others)
     select seq, score, (select yes from few) as complete from (
       select seq, score from scored
       union all select seq, partial + ${unreadScore('others.seq')} from others where (select yes from few)) as all_scored
      order by score desc, seq limit :limit`,
    {
      ...parameters(words, bm25, averageLength),
      ...{
        ...early.bindings,
        ...late.bindings,
        limit,
        certain,
        promising: limit + certain,
        lookups,
        rest: unreadBound(readings),
      },
      unread: readings.map(({ unread }) => unread),
      impacts: readings.map(({ impacts }) => `{${impacts.join(',')}}`),
    },
  );
  if (rows.some(({ complete }: { complete: boolean }) => !complete)) return undefined;
  return rows.map(({ seq, score }: ScoredChunk) => ({ seq, score }));
}

/** Chunks that are listed are checked while reading, since that is cheap; what has to be looked up, only of those that matter. */
function conditions(scope: Scope, early: string, late: string) {
  const nothing = { sql: 'true', bindings: {} };
  return scope.kind === 'many' && !scope.set
    ? ([nothing, inScope(scope, late)] as const)
    : ([inScope(scope, early), nothing] as const);
}
