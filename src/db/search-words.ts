import type { Filters } from '../retrieval/passage.ts';
import type { Db } from './connect.ts';
import {
  type Reading,
  rankClasses,
  readRareFirst,
  readUntil,
  scoreUnits,
  unreadBound,
} from './plan-reading.ts';
import type { ScoredChunk } from './search.ts';
import { findScope, inScope, type Scope } from './search-scope.ts';

/** Parameters of BM25: saturation of term frequency, and how far long chunks are marked down. */
export interface Bm25 {
  k1: number;
  b: number;
}

export const bm25Defaults: Bm25 = { k1: 1.2, b: 0.75 };

export interface WordStatistic {
  word: string;
  documents: number;
  idf: number;
  /** How many postings there are of each impact class. */
  impacts: { impact: number; postings: number }[];
}

/** The corpus as the words of one question see it. Statistics are of the whole corpus, whatever the filters. */
export interface WordStatistics {
  corpusVersion: number;
  taxonomyVersion: string;
  liveChunks: number;
  /** Mean length of a live chunk in index words; at least 1. */
  averageLength: number;
  /** The distinct words asked for, in order, with document frequency and idf = ln(1 + (N − df + ½) / (df + ½)). */
  words: WordStatistic[];
}

/** One round trip: how many postings the words have, size of the corpus, versions in force. */
export async function readWordStatistics(db: Db, words: readonly string[]): Promise<WordStatistics> {
  const distinct = [...new Set(words)];
  const { rows } = await db.raw(
    `select s.version as "corpusVersion", s.live_chunks as "liveChunks",
            greatest(1, s.live_words::float8 / greatest(1, s.live_chunks)) as "averageLength",
            (select version from taxonomy_versions where in_force) as "taxonomyVersion",
            (select coalesce(json_agg(json_build_array(w.n, c.impact, c.postings)), '[]')
               from unnest(?::text[]) with ordinality as w(word, n) join posting_counts c on c.word = w.word) as counts
       from corpus_state s`,
    [distinct],
  );
  const { counts, ...state } = rows[0] as { counts: [number, number, number][] } & Omit<
    WordStatistics,
    'words'
  >;
  const impacts: WordStatistic['impacts'][] = distinct.map(() => []);
  for (const [n, impact, postings] of counts) impacts[n - 1]?.push({ impact, postings });
  const found = distinct.map((word, i) => {
    const own = impacts[i] ?? [];
    const documents = own.reduce((sum, { postings }) => sum + postings, 0);
    return { word, documents, idf: idf(state.liveChunks, documents), impacts: own };
  });
  return { ...state, words: found };
}

/** Inverse document frequency as in Lucene's BM25Similarity: never negative. */
export function idf(chunks: number, documents: number): number {
  return Math.log(1 + (chunks - documents + 0.5) / (documents + 0.5));
}

/** What a chunk of nothing but the question's words would approach: the supremum of its BM25 score, Σ idf · (k1 + 1). */
export function greatestScore(statistics: WordStatistics, { k1 }: Bm25 = bm25Defaults): number {
  return statistics.words.reduce((sum, { idf }) => sum + idf * (k1 + 1), 0);
}

export interface WordSearch {
  limit: number;
  filters?: Filters | undefined;
  /** What the filters leave, if it is known already. */
  scope?: Scope;
  bm25?: Bm25 | undefined;
  /** Most postings to read before asking whether more are needed; the result does not depend on it. */
  budget?: number;
}

/** Postings that are read at once; a question whose words have no more in all is answered by reading all of them. */
const readAtOnce = 12_000;
/** What looking up one word of one chunk costs, in postings read one after the other. */
const probeCost = 4;

/**
 * The `limit` best live chunks by BM25, exact, best first, ties by seq. Every distinct word of the question counts once.
 * Of common words only the postings that can score most are read. A chunk of which nothing is read can then not score more
 * than a bound; when the last of the best scores more than that, none is missing, and otherwise more is read.
 * Scores are rounded to 2⁻³⁶, so that equal chunks have equal scores.
 * Robertson & Zaragoza, The Probabilistic Relevance Framework (2009), with Lucene's idf.
 */
export async function searchWords(
  db: Db,
  statistics: WordStatistics,
  { limit, filters, scope: known, bm25 = bm25Defaults, budget = readAtOnce }: WordSearch,
): Promise<ScoredChunk[]> {
  const words = statistics.words.filter(({ documents }) => documents > 0);
  const total = words.reduce((sum, { documents }) => sum + documents, 0);
  if (total === 0) return [];
  const scope = known ?? (await findScope(db, filters));
  if (scope.kind === 'few' && scope.seqs.length * words.length * probeCost < total) {
    return byScore(await scoreWords(db, statistics, scope.seqs, bm25)).slice(0, limit);
  }
  const query: Query = { db, words, scope, limit, bm25, averageLength: statistics.averageLength };
  if (total <= budget) return readAll(query);
  const ranked = rankClasses(words, bm25, statistics.averageLength);
  const first = readRareFirst(ranked, budget);
  const found = await readSome(query, first);
  const least = found.length < limit ? 0 : (found.at(-1)?.score ?? 0);
  if (unreadBound(first) < least) return found;
  const more = readUntil(ranked, first, least);
  return more ? readSome(query, more) : readAll(query);
}

/** BM25 scores of given chunks; one that holds none of the words is missing. */
export async function scoreWords(
  db: Db,
  statistics: WordStatistics,
  seqs: readonly number[],
  bm25: Bm25 = bm25Defaults,
): Promise<ScoredChunk[]> {
  const words = statistics.words.filter(({ documents }) => documents > 0);
  if (words.length === 0 || seqs.length === 0) return [];
  const { rows } = await db.raw(
    `select seq, score from (select seq, ${fullScore('s.seq')} as score from unnest(:seqs::bigint[]) as s(seq)) as scored
      where score is not null`,
    { seqs, ...parameters(words, bm25, statistics.averageLength) },
  );
  return rows;
}

interface Query {
  db: Db;
  words: readonly WordStatistic[];
  scope: Scope;
  limit: number;
  bm25: Bm25;
  averageLength: number;
}

/** What one posting adds to the score, as a whole multiple of 2⁻³⁶. */
const part = `round(q.factor * p.frequency / (p.frequency + :base::float8 + :slope::float8 * p.word_count) * ${scoreUnits}) / ${scoreUnits}`;

/** The whole score of a chunk, word by word; null when it holds none. */
function fullScore(seq: string): string {
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

function parameters(words: readonly WordStatistic[], { k1, b }: Bm25, averageLength: number) {
  return {
    words: words.map(({ word }) => word),
    factors: words.map(({ idf }) => idf * (k1 + 1)),
    base: k1 * (1 - b),
    slope: (k1 * b) / averageLength,
  };
}

/** Every posting of every word. */
async function readAll({ db, words, scope, limit, bm25, averageLength }: Query): Promise<ScoredChunk[]> {
  const visible = inScope(scope, 'p.chunk_seq');
  const { rows } = await db.raw(
    `select p.chunk_seq as seq, sum(${part}) as score
       from unnest(:words::text[], :factors::float8[]) as q(word, factor) join postings p on p.word = q.word
      where ${visible.sql} group by p.chunk_seq order by score desc, seq limit :limit`,
    { ...parameters(words, bm25, averageLength), ...visible.bindings, limit },
  );
  return rows;
}

/** The postings of these readings, a row each, as `q` (word, factor, unread) and `p`. */
const readPostings = `unnest(:words::text[], :factors::float8[], :unread::float8[], :impacts::text[]) as q(word, factor, unread, impacts)
  cross join lateral (select chunk_seq, frequency, word_count from postings
                       where word = q.word and impact = any(q.impacts::smallint[]) offset 0) as p`;

/**
 * The best chunks of those of which something is read. `partial` is what was read of a chunk's score, `most` what the whole
 * can be. The chunks that are best in part give a score that the last of the best reaches at least, and with it those that
 * can be among them at all: only these are looked up.
 */
async function readSome(query: Query, readings: readonly Reading[]): Promise<ScoredChunk[]> {
  const { db, words, scope, limit, bm25, averageLength } = query;
  const [early, late] = conditions(scope, 'p.chunk_seq', 'candidates.seq');
  const { rows } = await db.raw(
    `with candidates as materialized (
       select p.chunk_seq as seq, sum(${part}) as partial, sum(${part} - q.unread) + :rest::float8 as most
         from ${readPostings} where ${early.sql} group by p.chunk_seq),
     promising as materialized (
       select seq, partial from (select seq, partial from candidates order by partial desc) as candidates where ${late.sql} limit 2 * :limit),
     scored as materialized (select seq, partial + ${unreadScore('promising.seq')} as score from promising),
     bar as (select score from scored order by score desc offset :limit - 1 limit 1),
     others as materialized (
       select seq, partial from candidates where most >= coalesce((select score from bar), 0)
          and seq <> all(array(select seq from promising)) and ${late.sql})
     select seq, score from (
       select seq, score from scored union all select seq, partial + ${unreadScore('others.seq')} from others) as all_scored
      order by score desc, seq limit :limit`,
    {
      ...parameters(words, bm25, averageLength),
      ...{ ...early.bindings, ...late.bindings, limit, rest: unreadBound(readings) },
      unread: readings.map(({ unread }) => unread),
      impacts: readings.map(({ impacts }) => `{${impacts.join(',')}}`),
    },
  );
  return rows;
}

/** A list of chunks is checked while reading, since that is cheap; what has to be looked up, only of those that matter. */
function conditions(scope: Scope, early: string, late: string) {
  const nothing = { sql: 'true', bindings: {} };
  return scope.kind === 'many'
    ? ([nothing, inScope(scope, late)] as const)
    : ([inScope(scope, early), nothing] as const);
}

function byScore(chunks: ScoredChunk[]): ScoredChunk[] {
  return chunks.sort((a, b) => b.score - a.score || a.seq - b.seq);
}
