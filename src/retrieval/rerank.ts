import { readPassages } from '../db/search.ts';
import { AppError } from '../errors.ts';
import type { Reranker } from '../reranking/reranker.ts';
import { indexedText } from '../text/passage-text.ts';
import type { Candidate, Found, Search } from './strategy.ts';

/** What came of asking the reranker; without `applied` the order is as the strategy left it. */
export const rerankOutcomes = ['applied', 'timeout', 'unavailable'] as const;

export interface RerankReport {
  model: string;
  /** How many passages it was shown. */
  passages: number;
  outcome: (typeof rerankOutcomes)[number];
}

export interface Reranking {
  reranker: Reranker;
  /** How many of the best passages it is shown. */
  top: number;
  /** Milliseconds that it has. */
  budgetMs: number;
}

export type Reranked = Found & { rerank: RerankReport | null };

/**
 * Puts the first candidates into the order of a reranker: their score becomes its judgement, and what it was not shown follows
 * as it was, scored no higher than the least of those. Equal judgements keep their order. A reranker that fails or takes
 * longer than its budget leaves everything as it was, with a note. Throws the abort reason of the search.
 */
export async function rerank(
  search: Search,
  found: Found,
  reranking: Reranking | undefined,
): Promise<Reranked> {
  if (!reranking || found.candidates.length === 0) return { ...found, rerank: null };
  const { reranker, top, budgetMs } = reranking;
  const first = found.candidates.slice(0, Math.min(top, reranker.maxPassages));
  const judged = await judge(search, first, reranker, budgetMs);
  const report = { model: reranker.model, passages: first.length, outcome: judged.outcome };
  const note = noteOn(report, budgetMs);
  if (judged.outcome !== 'applied') return { ...found, rerank: report, notes: [...found.notes, note] };
  const { scores } = judged;
  const head = first.flatMap((candidate) => {
    const score = scores.get(candidate.seq);
    return score === undefined ? [] : [{ ...candidate, score, rerank: score }];
  });
  head.sort((a, b) => b.score - a.score);
  const least = head.at(-1)?.score ?? 1;
  const tail = found.candidates
    .slice(first.length)
    .map((candidate) => ({ ...candidate, score: Math.min(candidate.score, least) }));
  return { ...found, candidates: [...head, ...tail], rerank: report, notes: [...found.notes, note] };
}

type Judged = { outcome: 'applied'; scores: Map<number, number> } | { outcome: 'timeout' | 'unavailable' };

/** Scores by seq; a chunk that went meanwhile has none. */
async function judge(
  { db, question, signal }: Search,
  candidates: readonly Candidate[],
  reranker: Reranker,
  budgetMs: number,
): Promise<Judged> {
  const late = AbortSignal.timeout(Math.max(0, Math.floor(budgetMs)));
  const rows = await readPassages(
    db,
    candidates.map(({ seq }) => seq),
    [],
  );
  const known = candidates.flatMap(({ seq }) => rows.get(seq) ?? []);
  try {
    const scores = await reranker.score(question, known.map(indexedText), {
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    return {
      outcome: 'applied',
      scores: new Map(known.map(({ chunkSeq }, i) => [chunkSeq, scores[i] as number])),
    };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (late.aborted) return { outcome: 'timeout' };
    if (error instanceof AppError && error.code === 'reranker_unavailable') return { outcome: 'unavailable' };
    throw error;
  }
}

function noteOn({ model, passages, outcome }: RerankReport, budgetMs: number): string {
  if (outcome === 'applied') return `Reranked: the first ${passages} are in the order of ${model}.`;
  return outcome === 'timeout'
    ? `The reranker ${model} took longer than ${Math.floor(budgetMs)} ms: not reranked.`
    : `The reranker ${model} is unavailable: not reranked.`;
}
