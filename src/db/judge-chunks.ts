import type { Db } from './connect.ts';
import { scoreUnits } from './plan-reading.ts';
import { prepared } from './prepared.ts';
import { fullScore, parameters as wordParameters } from './read-postings.ts';
import { arrayOf } from './search.ts';
import { distance, type QueryVector, parameters as vectorParameters } from './search-meaning.ts';
import { type Bm25, bm25Defaults, type WordStatistics } from './search-words.ts';

/** What a leg did not find out of a chunk. */
export interface JudgedChunk {
  seq: number;
  /** Its first characters. */
  beginning: string;
  /** By the other leg; null where the chunk has no vector of the model, or none of the words. */
  score: number | null;
}

/** Cosine similarities and beginnings, of `length` characters, of the chunks that are still there. */
export async function judgeByMeaning(
  db: Db,
  query: QueryVector,
  seqs: readonly number[],
  length: number,
): Promise<JudgedChunk[]> {
  if (seqs.length === 0) return [];
  // As a scalar subquery, so that vectors are looked up one by one whatever the planner thinks of their number.
  const sql = `select c.seq, left(c.text, :length) as beginning,
      (select 1 - (${distance(query)}) from chunk_vectors v where v.model = :model and v.chunk_seq = c.seq) as score
    from chunks c where c.seq = any(:seqs::bigint[])`;
  const { rows } = await prepared(db, sql, { ...vectorParameters(query), seqs: arrayOf(seqs), length });
  return rows;
}

const byWords = `select c.seq, left(c.text, :length) as beginning, ${fullScore('c.seq')} / ${scoreUnits} as score
    from chunks c where c.seq = any(:seqs::bigint[])`;
const beginnings = `select c.seq, left(c.text, :length) as beginning, null as score
    from chunks c where c.seq = any(:seqs::bigint[])`;

/** The same by the question's words: BM25. */
export async function judgeByWords(
  db: Db,
  { words, averageLength }: WordStatistics,
  seqs: readonly number[],
  length: number,
  bm25: Bm25 = bm25Defaults,
): Promise<JudgedChunk[]> {
  if (seqs.length === 0) return [];
  const there = words.filter(({ documents }) => documents > 0);
  const asked = { seqs: arrayOf(seqs), length };
  const { rows } = await (there.length === 0
    ? prepared(db, beginnings, asked)
    : prepared(db, byWords, { ...asked, ...wordParameters(there, bm25, averageLength) }));
  return rows;
}
