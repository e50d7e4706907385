import type { Db } from './connect.ts';
import { type Reading, scoreUnits, unreadByLength } from './plan-reading.ts';
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

/** What one posting adds to the score, in units of 2⁻³⁶. */
const part = 'round(q.factor * p.frequency / (p.frequency + :base::float8 + :slope::float8 * p.word_count))';

/** The whole score of a chunk, word by word, in units; null when it holds none. */
export function fullScore(seq: string): string {
  return `(select sum(${part}) from unnest(:words::text[], :factors::float8[]) as q(word, factor)
            cross join lateral (${probe(seq)}) as p)`;
}

/** One word in one chunk. The offset keeps the planner from reading all words of the chunk instead. */
function probe(seq: string): string {
  return `select frequency, word_count, impact from postings where chunk_seq = ${seq} and word = q.word offset 0`;
}

/** What `asked` leaves unread, in units, in chunks of the length step that a row has. */
const unreadIn = (word: string, length: string) => `${word}.unread[1 + ${length}]`;

/**
 * What is missing in the score of such a row's chunk after `readPostings`, in units: scores are sums of whole ones, so nothing is
 * lost.
 */
function unreadScore(row: string): string {
  return `coalesce((select sum(${part}) from asked as q cross join lateral (${probe(`${row}.seq`)}) as p
           where ${unreadIn('q', `${row}.length`)} > 0 and p.impact <> all(q.impacts)), 0)`;
}

export function parameters(words: readonly WordStatistic[], { k1, b }: Bm25, averageLength: number) {
  return {
    words: words.map(({ word }) => word),
    factors: words.map(({ idf }) => idf * (k1 + 1) * scoreUnits),
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
    `select seq, score / ${scoreUnits} as score from (select seq, ${fullScore('s.seq')} as score from unnest(:seqs::bigint[]) as s(seq)) as scored
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
    `select seq, score / ${scoreUnits} as score from (
       select p.chunk_seq as seq, sum(${part}) as score
         from unnest(:words::text[], :factors::float8[]) as q(word, factor) join postings p on p.word = q.word
        where ${early.sql} group by p.chunk_seq order by score desc, seq) as ranked
      where ${late.sql} limit :limit`,
    { ...parameters(words, bm25, averageLength), ...early.bindings, ...late.bindings, limit },
  );
  return rows;
}

/** The postings of these readings, a row each, as `q` (of `asked`) and `p`. */
const readPostings = `asked as q
  cross join lateral (select chunk_seq, frequency, word_count, impact from postings
                       where word = q.word and impact = any(q.impacts) offset 0) as p`;

/** What one reading of a part gave. */
export interface PartRead {
  /** The best chunks of those of which something is read; when not `complete`, not all of them were looked up. */
  found: ScoredChunk[];
  complete: boolean;
}

/**
 * The best chunks of those of which something is read. `partial` is what was read of a chunk's score, `most` what the whole
 * can be. The chunks that are best in part give a score that the last of the certain ones reaches at least, and with it those
 * that can be among them at all: only these are looked up. Not when they are more than `lookups`, or when that score is not
 * more than `bound`, the most that a chunk can score of which nothing is read. `least` is such a score that is known already, or 0.
 */
export async function readSome(
  query: Query,
  readings: readonly Reading[],
  { lookups, bound, least }: { lookups: number; bound: number; least: number },
): Promise<PartRead> {
  const { db, words, scope, limit, certain, bm25, averageLength } = query;
  const [early, late] = conditions(scope, 'p.chunk_seq', 'candidates.seq');
  const { rows } = await db.raw(
    `with asked as materialized (
       select word, factor, unread::float8[] as unread, impacts::smallint[] as impacts
         from unnest(:words::text[], :factors::float8[], :unread::text[], :impacts::text[]) as q(word, factor, unread, impacts)),
     added as materialized (
       select p.chunk_seq as seq, sum(${part}) as partial, sum(${unreadIn('q', 'p.impact % 16')}) as known, max(p.impact % 16) as length
         from ${readPostings} where ${early.sql} group by p.chunk_seq),
     candidates as (select seq, partial, length, partial - known + (:rest::float8[])[1 + length] as most from added),
     promising as materialized (
       select seq, partial, length from (select seq, partial, length from candidates order by partial desc) as candidates
        where ${late.sql} limit :promising),
     scored as materialized (select seq, partial + ${unreadScore('promising')} as score from promising),
     bar as (select greatest(:least::float8, (select score from scored order by score desc offset :certain - 1 limit 1)) as score),
     others as materialized (
       select seq, partial, length from candidates where most >= (select score from bar)
          and seq <> all(array(select seq from promising)) and ${late.sql} limit :lookups + 1),
     few as (select case when (select score from bar) <= :bound::float8 then false else (select count(*) <= :lookups from others) end as yes)
     select seq, score / ${scoreUnits} as score, (select yes from few) as complete from (
       select seq, score from scored
       union all select seq, partial + ${unreadScore('others')} from others where (select yes from few)) as all_scored
      order by score desc, seq limit :limit`,
    {
      ...parameters(words, bm25, averageLength),
      ...{ ...early.bindings, ...late.bindings, limit, certain, promising: limit + certain, lookups },
      ...{ bound: bound * scoreUnits, least: least * scoreUnits },
      rest: inUnits(unreadByLength(readings)),
      unread: readings.map(({ unread }) => inUnits(unread)),
      impacts: readings.map(({ impacts }) => `{${impacts.join(',')}}`),
    },
  );
  const complete = rows.every((row: { complete: boolean }) => row.complete);
  return { found: rows.map(({ seq, score }: ScoredChunk) => ({ seq, score })), complete };
}

function inUnits(scores: readonly number[]): string {
  return `{${scores.map((score) => score * scoreUnits).join(',')}}`;
}

/** Chunks that are listed are checked while reading, since that is cheap; what has to be looked up, only of those that matter. */
function conditions(scope: Scope, early: string, late: string) {
  const nothing = { sql: 'true', bindings: {} };
  return scope.kind === 'many' && !scope.set
    ? ([nothing, inScope(scope, late)] as const)
    : ([inScope(scope, early), nothing] as const);
}
