import type { Metrics } from '../metrics.ts';
import type { Reranker } from '../reranking/reranker.ts';
import type { Reranking } from './rerank.ts';

/** What a search says of it: see SearchOptions. */
interface Asked {
  rerank?: boolean | undefined;
  withinMs?: number | undefined;
  fresh?: boolean | undefined;
}

/** Measuring waits for a reranker: what is asked is how good its order is, not how quick. */
const measuringBudgetMs = 30_000;
/** What is left for reading the passages after the reranker. */
const reserveMs = 50;

/** The reranking of one search, its budget cut to the time that is left when its turn comes; each call is counted. */
export function rerankingFor(
  { rerank, fresh, withinMs }: Asked,
  reranking: Reranking | null | undefined,
  metrics: Metrics,
): Reranking | undefined {
  if (!reranking || rerank === false) return undefined;
  const until = withinMs === undefined ? undefined : performance.now() + withinMs - reserveMs;
  return {
    ...reranking,
    reranker: timed(reranking.reranker, metrics),
    get budgetMs() {
      if (fresh && until === undefined) return measuringBudgetMs;
      return until === undefined
        ? reranking.budgetMs
        : Math.max(0, Math.min(reranking.budgetMs, until - performance.now()));
    },
  };
}

function timed(reranker: Reranker, { rerankSeconds }: Metrics): Reranker {
  return {
    ...reranker,
    score: async (question, passages, options) => {
      const end = rerankSeconds.startTimer({ model: reranker.model });
      try {
        const scores = await reranker.score(question, passages, options);
        end({ outcome: 'applied' });
        return scores;
      } catch (error) {
        end({ outcome: options.signal?.aborted ? 'aborted' : 'unavailable' });
        throw error;
      }
    },
  };
}
