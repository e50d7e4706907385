import { flagsOn } from '../../src/flag-service.ts';
import { toFilters } from '../../src/retrieval/filters.ts';
import type { Passage, Retrieval } from '../../src/retrieval/passage.ts';
import type { Context } from '../context.ts';
import type { AnswerRequest } from './run-steps.ts';
import { untilAborted } from './steps.ts';

interface Searching {
  request: AnswerRequest;
  found: Pick<Retrieval, 'strategy'>;
  budgetMs: number;
  context: Context;
}

/**
 * What each sub-question finds, side by side, with the filters, the access and the strategy of the question itself; without
 * the reranker, whose time is the question's. Those that fail or are too late are left out, and the reason says so. Rejects
 * with the signal's reason when that fires.
 */
export async function searchSubQuestions(
  subQuestions: readonly string[],
  { request, found, budgetMs, context: { search, signal, log } }: Searching,
): Promise<{ lists: Passage[][]; reason: string | null }> {
  const {
    scope = 'read',
    flags = {},
    access,
    final_topk: k,
    merge_neighbours: merge = false,
    expand = 'none',
  } = request;
  const options = {
    ...{ k, strategy: found.strategy, merge, expand, rerank: false, withinMs: budgetMs },
    filters: toFilters(request.filters, request.canonical_in),
    audience: { scope, flags: flagsOn(flags), access },
  };
  const budget = AbortSignal.timeout(budgetMs);
  const ends = await Promise.allSettled(
    subQuestions.map((question) =>
      untilAborted(AbortSignal.any([signal, budget]), (inner) => search.retrieve(question, options, inner)),
    ),
  );
  signal.throwIfAborted();
  const lists = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.retrieval.passages] : []));
  const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  if (failed.length === 0) return { lists, reason: null };
  const why = budget.aborted ? `took longer than ${budgetMs} ms` : 'failed';
  if (!budget.aborted) log.warn({ err: failed[0] }, 'a sub-question could not be searched');
  return { lists, reason: `${failed.length} of ${ends.length} searches ${why}.` };
}
