import type { Config } from './config.ts';
import type { Log } from './log.ts';
import type { Reranker } from './reranking/reranker.ts';
import { openReranker } from './reranking/rerankers.ts';
import type { Reranking } from './retrieval/rerank.ts';
import type { Shutdown } from './shutdown.ts';

/** A reranker that can't be opened stops the start: nobody would notice its absence by the results. */
export async function openReranking(config: Config, log: Log, shutdown: Shutdown): Promise<Reranking | null> {
  if (config.RERANKER === 'off') return null;
  const reranker = await openReranker(config.RERANKER, {
    modelDir: config.RERANKER_MODEL_DIR,
    geminiApiKey: config.GEMINI_API_KEY,
    geminiBaseUrl: config.GEMINI_BASE_URL,
    geminiModel: config.RERANKER_MODEL,
  });
  shutdown.add('reranker', reranker.close);
  const score: Reranker['score'] = async (question, passages, options) => {
    try {
      return await reranker.score(question, passages, options);
    } catch (error) {
      // Search goes on without it and says so to its caller; why, is for the operator.
      if (!options.signal?.aborted) log.warn({ model: reranker.model, err: error }, 'the reranker failed');
      throw error;
    }
  };
  const { RERANK_TOP: top, RERANK_BUDGET_MS: budgetMs } = config;
  return { reranker: { ...reranker, score }, top, budgetMs };
}
