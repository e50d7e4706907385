import { type CaseMatch, leastLikeness } from '../cases.ts';
import { scoreMeaning } from '../db/search-meaning.ts';
import { scoreWords } from '../db/search-words.ts';
import { embedQuestion } from './by-meaning.ts';
import { fuse } from './fuse.ts';
import type { Strategy } from './passage.ts';
import { byScore, type Candidate, type Found, type Search } from './strategy.ts';

/** What the case of the very same question adds to the score of a chunk that it cited, of what is missing to 1. */
const boost = 0.3;

/**
 * Weighs up the chunks that earlier answers to questions like this one cited, and adds those that were not found: each is
 * scored as the strategy scores, then s + (1 − s) · boost · strength, where the strength of a case grows from 0 at the least
 * likeness that counts to 1 for the same question: questions that are merely alike often have other answers.
 */
export async function withCases(
  search: Search,
  found: Found,
  strategy: Strategy,
  cases: readonly CaseMatch[],
): Promise<Found> {
  if (cases.length === 0) return found;
  const likeness = new Map<number, number>();
  for (const { seqs, score } of cases)
    for (const seq of seqs) likeness.set(seq, Math.max(score, likeness.get(seq) ?? 0));
  const known = new Set(found.candidates.map(({ seq }) => seq));
  const missing = [...likeness.keys()].filter((seq) => !known.has(seq));
  const added = await scoreAlone(search, strategy, found.vectorWeight, missing);
  const candidates = [...found.candidates, ...added].map((candidate) => {
    const strength = strengthOf(likeness.get(candidate.seq) ?? 0);
    return { ...candidate, score: candidate.score + (1 - candidate.score) * boost * strength };
  });
  return { ...found, candidates: candidates.sort(byScore), notes: [...found.notes, noteOn(cases, likeness)] };
}

function strengthOf(likeness: number): number {
  return Math.max(0, (likeness - leastLikeness) / (1 - leastLikeness));
}

/** Scores of chunks by both legs, as far as the strategy has them. */
async function scoreAlone(
  search: Search,
  strategy: Strategy,
  weight: number,
  seqs: readonly number[],
): Promise<Candidate[]> {
  if (seqs.length === 0) return [];
  const { bm25, db, greatestScore, statistics } = search;
  const keywords = strategy === 'vector' ? [] : await scoreWords(db, statistics, seqs, bm25);
  const vectors =
    strategy === 'keyword' || weight === 0 ? [] : await scoreMeaning(db, await embedQuestion(search), seqs);
  const of = (scored: readonly { seq: number; score: number }[], seq: number) =>
    scored.find((one) => one.seq === seq)?.score ?? null;
  const evidences = seqs.map((seq) => ({
    ...{ seq, keyword: of(keywords, seq), vector: of(vectors, seq) },
    readable: 1,
  }));
  if (strategy !== 'vector') return fuse(evidences, weight, greatestScore);
  return evidences.map(({ seq, vector }) => ({
    ...{ seq, keyword: null, vector },
    score: Math.max(0, vector ?? 0),
  }));
}

function noteOn(cases: readonly CaseMatch[], likeness: ReadonlyMap<number, number>): string {
  const answers = cases.length === 1 ? '1 earlier answer' : `${cases.length} earlier answers`;
  const passages = likeness.size === 1 ? '1 passage' : `${likeness.size} passages`;
  return `Cases: ${answers} to questions like this one; ${passages} that were cited count more.`;
}
