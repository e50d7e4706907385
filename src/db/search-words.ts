import type { Access } from '../access.ts';
import type { Filters } from '../retrieval/passage.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';
import {
  postingsRead,
  type Reading,
  rankClasses,
  readRareFirst,
  readUntil,
  unreadBound,
} from './plan-reading.ts';
import { prepared } from './prepared.ts';
import { type Query, readAll, readChunks, readSome } from './read-postings.ts';
import type { ScoredChunk } from './search.ts';
import { findScope, type Scope } from './search-scope.ts';

/** Parameters of BM25: saturation of term frequency, and how far long chunks are marked down. */
export interface Bm25 {
  k1: number;
  b: number;
}

export const bm25Defaults: Bm25 = { k1: 1.2, b: 0.75 };

export interface WordStatistic {
  word: string;
  /** Chunks of the whole corpus that hold it: what reading its postings costs. */
  documents: number;
  /** Whether a chunk that may be seen holds it. */
  known: boolean;
  idf: number;
  /** How many postings there are of each impact class. */
  impacts: { impact: number; postings: number }[];
}

/** The corpus as the words of one question see it. Statistics are of all that the key may see, whatever the filters. */
export interface WordStatistics {
  corpusVersion: number;
  taxonomyVersion: string;
  liveChunks: number;
  /** Mean length of a live chunk in index words; at least 1. */
  averageLength: number;
  /** The distinct words asked for, in order, with document frequency and idf = ln(1 + (N − df + ½) / (df + ½)). */
  words: WordStatistic[];
}

/**
 * How many postings the words have, size of the corpus, versions in force: one round trip. For a restricted key what it may
 * not see does not count: neither a number nor the order of its results tells what others hold.
 */
export async function readWordStatistics(
  db: Db,
  words: readonly string[],
  access?: Access,
): Promise<WordStatistics> {
  const [statistics, seen] = await Promise.all([
    readAllStatistics(db, words),
    access && countSeen(db, words, access),
  ]);
  if (!seen) return statistics;
  const { liveChunks, averageLength, holding } = seen;
  return {
    ...{ ...statistics, liveChunks, averageLength },
    words: statistics.words.map((one) => {
      const documents = holding.get(one.word) ?? 0;
      return { ...one, idf: idf(liveChunks, documents), known: documents > 0 };
    }),
  };
}

/** The same counts, of the chunks that a restricted key sees: read from them, not from what is kept of the whole corpus. */
async function countSeen(db: Db, words: readonly string[], access: Access) {
  const { document, bindings } = maySee(access);
  const { rows } = await db.raw(
    `with seen as materialized (
       select c.seq, c.word_count from documents d cross join lateral (
                select seq, word_count from chunks where live and document_id = d.id offset 0) as c
        where d.deleted_at is null and ${document})
     select (select count(*)::int from seen) as "liveChunks",
            (select greatest(1, coalesce(avg(word_count), 0))::float8 from seen) as "averageLength",
            (select coalesce(json_agg(json_build_array(word, n)), '[]')
               from (select p.word, count(*)::int as n from postings p join seen s on s.seq = p.chunk_seq
                      where p.word = any(:words::text[]) group by p.word) x) as counts`,
    { ...bindings, words: [...new Set(words)] },
  );
  const { counts, ...size } = rows[0] as {
    counts: [string, number][];
    liveChunks: number;
    averageLength: number;
  };
  return { ...size, holding: new Map(counts) };
}

/** SQL of one row, which `toStatistics` reads; binding: `words`, each once. */
export const statisticsStatement = `select s.version as "corpusVersion", s.live_chunks as "liveChunks",
         greatest(1, s.live_words::float8 / greatest(1, s.live_chunks)) as "averageLength",
         (select version from taxonomy_versions where in_force) as "taxonomyVersion",
         (select coalesce(json_agg(json_build_array(w.n, c.impact, c.postings)), '[]')
            from unnest(:words::text[]) with ordinality as w(word, n) cross join lateral (
              select impact, postings from posting_counts where word = w.word
              union all
              select impact, count(*)::int from postings
               where word = w.word and not exists (select from posting_counts where word = w.word) group by impact) as c) as counts
    from corpus_state s`;

export type StatisticsRow = Omit<WordStatistics, 'words'> & { counts: [number, number, number][] };

async function readAllStatistics(db: Db, words: readonly string[]): Promise<WordStatistics> {
  const distinct = [...new Set(words)];
  const { rows } = await prepared(db, statisticsStatement, { words: distinct });
  return toStatistics(rows[0], distinct);
}

/** @param words those of the statement, in their order */
export function toStatistics({ counts, ...state }: StatisticsRow, words: readonly string[]): WordStatistics {
  const impacts: WordStatistic['impacts'][] = words.map(() => []);
  for (const [n, impact, postings] of counts) impacts[n - 1]?.push({ impact, postings });
  const found = words.map((word, i) => {
    const own = impacts[i] ?? [];
    const documents = own.reduce((sum, { postings }) => sum + postings, 0);
    const known = documents > 0;
    return { word, documents, known, idf: idf(state.liveChunks, documents), impacts: own };
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
  /**
   * How many of the first must be proven to be the best; all when left out. What follows them is then the best of what was
   * read, with its exact score: one that is as good may be missing.
   */
  certain?: number | undefined;
  /** Most postings to read before asking whether more are needed; the result does not depend on it. */
  budget?: number;
}

/** A question whose words have no more postings in all is answered by reading all of them. */
const readAtOnce = 30_000;
/** Postings that are read at first where there are more. */
const readFirst = 12_000;
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
  { limit, filters, scope: known, bm25 = bm25Defaults, certain = limit, budget }: WordSearch,
): Promise<ScoredChunk[]> {
  const words = statistics.words.filter(({ documents }) => documents > 0);
  const total = words.reduce((sum, { documents }) => sum + documents, 0);
  if (total === 0) return [];
  const scope = known ?? (await findScope(db, filters));
  if (scope.kind === 'few' && scope.seqs.length * words.length * probeCost < total) {
    return byScore(await scoreWords(db, statistics, scope.seqs, bm25)).slice(0, limit);
  }
  const { averageLength } = statistics;
  const query: Query = { db, words, scope, limit, certain: Math.min(certain, limit), bm25, averageLength };
  const deeper = dropped(scope);
  if (total <= (budget ?? readAtOnce * deeper)) return readAll(query);
  return (await readInPart(query, budget ?? readFirst * deeper, total)) ?? readAll(query);
}

/** Postings read for one that is added up, at most: to read one and drop it costs a part of what adding it up does. */
const mostDropped = 4;

function dropped(scope: Scope): number {
  if (scope.kind === 'all' || !scope.set) return 1;
  const { first, last, count } = scope.set;
  return Math.min(mostDropped, (last - first + 1) / count);
}

/**
 * The same from a part of the postings; undefined when to read all of them costs less. The first part tells what the last of the
 * certain ones scores at least, which often is enough; if not, it tells what the second has to be.
 */
async function readInPart(query: Query, budget: number, total: number): Promise<ScoredChunk[] | undefined> {
  const { words, bm25, averageLength, limit, certain } = query;
  const ranked = rankClasses(words, bm25, averageLength);
  const first = readRareFirst(ranked, budget);
  // Every word that is not read whole has to be looked up in each chunk that could rise by it.
  if (budget * (1 + openWords(first) / 4) > total) return undefined;
  const read = (readings: readonly Reading[], postings: number, least: number) => {
    const lookups = Math.floor(postings / (probeCost * Math.max(1, openWords(readings))));
    return readSome(query, readings, { lookups, bound: unreadBound(readings), least });
  };
  const begun = await read(first, firstLookups * budget, 0);
  const least = begun.found[certain - 1]?.score;
  // Too few were seen, though there may be more.
  if (least === undefined || begun.found.length < limit) return undefined;
  if (begun.complete) return begun.found;
  const second = readUntil(ranked, leftOpen * least);
  const left = total - postingsRead(ranked, second);
  if (left < leastSaved * total) return undefined;
  const more = await read(second, left, least);
  // What scored more may have been deleted since.
  const lasts =
    more.complete && (more.found[certain - 1]?.score ?? 0) >= least && more.found.length === limit;
  return lasts ? more.found : undefined;
}

/** Looking up after the first part may cost so many times what it did to read it. */
const firstLookups = 2;
/**
 * Share of the last certain score that a chunk may reach of which the second part reads nothing. With more, the more chunks have to
 * be looked up; with less, the more is read.
 */
const leftOpen = 0.5;
/** Share of all postings that the second part must leave out for it to cost less. */
const leastSaved = 0.2;

function openWords(readings: readonly Reading[]): number {
  return readings.filter(({ unread }) => unread.some((most) => most > 0)).length;
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
  return readChunks({ db, words, bm25, averageLength: statistics.averageLength }, seqs);
}

function byScore(chunks: ScoredChunk[]): ScoredChunk[] {
  return chunks.sort((a, b) => b.score - a.score || a.seq - b.seq);
}
