import { type QueryScore, resolveJudgements, saveScores } from '../../src/db/evaluation-scores.ts';
import type { EvaluationRow, JudgedQuery } from '../../src/db/evaluations.ts';
import { readLiveGeneration } from '../../src/db/generations.ts';
import { AppError } from '../../src/errors.ts';
import { type Judgements, ndcg, recall, reciprocalRank } from '../../src/evaluation/measures.ts';
import { toFilters } from '../../src/retrieval/filters.ts';
import type { Strategy } from '../../src/retrieval/passage.ts';
import type { Context } from '../context.ts';

/** Passages asked for: deep enough for recall@100 where a document gives one passage. */
const depth = 100;

/** Searches as the product does, past the cache, and stores the measures of every strategy on the question. */
export async function measureQuery(
  { n, text, judgements }: JudgedQuery & { n: number },
  evaluation: EvaluationRow & { token: string },
  context: Context,
): Promise<void> {
  const { judged, missing, relevant } = await resolveJudgements(context.db, judgements, {
    ...toFilters(evaluation.filters),
    ...(evaluation.audience.access && { access: evaluation.audience.access }),
  });
  const scores: QueryScore[] = [];
  for (const strategy of evaluation.strategies) {
    const found = await searchWith(strategy, text, evaluation, context);
    const { ranked, ...searched } = found;
    scores.push({ n, strategy, missing, relevant, ...searched, ...measure(ranked, judged) });
  }
  await saveScores(context.db, evaluation.token, evaluation.id, scores);
}

function measure(ranked: readonly string[], judged: Judgements) {
  return {
    ndcg_10: ndcg(ranked, judged, 10),
    recall_10: recall(ranked, judged, 10),
    recall_100: recall(ranked, judged, 100),
    mrr_10: reciprocalRank(ranked, judged, 10),
  };
}

/** Documents, best first, each once. */
async function searchWith(
  strategy: Strategy,
  text: string,
  { audience, filters }: EvaluationRow,
  context: Context,
) {
  const { search, signal } = context;
  const options = { k: depth, strategy, filters: toFilters(filters), audience, fresh: true };
  const { retrieval, generation } = await search.retrieve(text, options, signal);
  // Search goes on without a reranker that is away, and hybrid search by words without its model; as measures of them that
  // would be wrong.
  const { rerank } = retrieval.analysis;
  if (rerank && rerank.outcome !== 'applied')
    throw new AppError('reranker_unavailable', `The reranker ${rerank.model} did not answer.`);
  if (strategy === 'hybrid' && retrieval.analysis.vectorWeight === 0) await proveAnswering(context);
  return {
    ranked: [...new Set(retrieval.passages.map(({ documentId }) => documentId))],
    corpus_version: retrieval.corpusVersion,
    model: generation?.model ?? null,
  };
}

/** Throws `embedding_unavailable`, so that the question is measured again later. */
async function proveAnswering({ db, embedders, signal }: Context): Promise<void> {
  const live = await readLiveGeneration(db);
  if (live) await (await embedders.of(live)).embed(['?'], { task: 'query', signal });
}
