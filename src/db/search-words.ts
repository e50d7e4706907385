import type { Filters } from '../retrieval/passage.ts';
import type { Db } from './connect.ts';
import { narrows, type ScoredChunk, visibleChunks } from './search.ts';

/** Parameters of BM25: saturation of term frequency, and how far long chunks are marked down. */
export interface Bm25 {
  k1: number;
  b: number;
}

export const bm25Defaults: Bm25 = { k1: 1.2, b: 0.75 };

/** The corpus as the words of one question see it. Statistics are of the whole corpus, whatever the filters. */
export interface WordStatistics {
  corpusVersion: number;
  taxonomyVersion: string;
  liveChunks: number;
  /** Mean length of a live chunk in index words; at least 1. */
  averageLength: number;
  /** The distinct words asked for, in order, with document frequency and idf = ln(1 + (N − df + ½) / (df + ½)). */
  words: { word: string; documents: number; idf: number }[];
}

/** One round trip: document frequencies of the words (index-only), size of the corpus, versions in force. */
export async function readWordStatistics(db: Db, words: readonly string[]): Promise<WordStatistics> {
  const distinct = [...new Set(words)];
  const { rows } = await db.raw(
    `select s.version as "corpusVersion", s.live_chunks as "liveChunks",
            greatest(1, s.live_words::float8 / greatest(1, s.live_chunks)) as "averageLength",
            (select version from taxonomy_versions where in_force) as "taxonomyVersion",
            array(select (select count(*)::int from postings p where p.word = w.word)
                    from unnest(?::text[]) with ordinality as w(word, n) order by w.n) as documents
       from corpus_state s`,
    [distinct],
  );
  const { documents, ...state } = rows[0];
  const found = distinct.map((word, i) => ({
    word,
    documents: documents[i],
    idf: idf(state.liveChunks, documents[i]),
  }));
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
  bm25?: Bm25;
}

/**
 * The `limit` best live chunks by BM25, exact, best first, ties by seq. Every distinct word of the question counts once.
 * Reads only the covering index of postings, and chunks and documents where filters narrow.
 * Robertson & Zaragoza, The Probabilistic Relevance Framework (2009), with Lucene's idf.
 */
export async function searchWords(
  db: Db,
  statistics: WordStatistics,
  search: WordSearch,
): Promise<ScoredChunk[]> {
  const visible = narrows(search.filters) ? visibleChunks(search.filters) : undefined;
  return rank(db, statistics, search.bm25, {
    where: visible ? `where p.chunk_seq in (${visible.sql})` : '',
    tail: 'order by score desc, seq limit :limit',
    bindings: { ...visible?.bindings, limit: search.limit },
  });
}

/** BM25 scores of given chunks; one that holds none of the words is missing. */
export async function scoreWords(
  db: Db,
  statistics: WordStatistics,
  seqs: readonly number[],
  bm25?: Bm25,
): Promise<ScoredChunk[]> {
  const bindings = { seqs };
  return rank(db, statistics, bm25, {
    where: 'where p.chunk_seq = any(:seqs::bigint[])',
    tail: '',
    bindings,
  });
}

interface RankSql {
  where: string;
  tail: string;
  bindings: Record<string, unknown>;
}

async function rank(
  db: Db,
  { words, averageLength }: WordStatistics,
  { k1, b } = bm25Defaults,
  sql: RankSql,
): Promise<ScoredChunk[]> {
  const present = words.filter(({ documents }) => documents > 0);
  if (present.length === 0) return [];
  const { rows } = await db.raw(
    `select p.chunk_seq as seq,
            sum(q.idf * (:k1::float8 + 1) * p.frequency
                / (p.frequency + :k1::float8 * (1 - :b::float8 + :b::float8 * p.word_count / :averageLength::float8))) as score
       from unnest(:words::text[], :idfs::float8[]) as q(word, idf) join postings p on p.word = q.word
      ${sql.where} group by p.chunk_seq ${sql.tail}`,
    {
      words: present.map(({ word }) => word),
      idfs: present.map(({ idf }) => idf),
      k1,
      b,
      averageLength,
      ...sql.bindings,
    },
  );
  return rows;
}
