import { type QueryVector, searchMeaning } from '../db/search-meaning.ts';
import { AppError } from '../errors.ts';
import type { Found, Search } from './strategy.ts';

/** Below this share of readable letters a model's opinion of a question is noise. */
export const leastReadable = 0.3;

/** Vector search alone: cosine similarity, negative ones as 0. Runs whatever the model can read: the caller asked for it. */
export async function byMeaning(search: Search): Promise<Found> {
  const query = await embedQuestion(search);
  const found = await searchMeaning(search.db, query, search);
  return {
    candidates: found.map(({ seq, score }) => ({
      seq,
      score: Math.max(0, score),
      keyword: null,
      vector: score,
    })),
    vectorWeight: search.readable < leastReadable ? 0 : 1,
    agreement: null,
    notes:
      search.readable < leastReadable
        ? ['The embedding model can not read the question: the order means little.']
        : [],
  };
}

/** Throws AppError `embedding_unavailable`, or the abort reason. */
export async function embedQuestion({ embedder, question, signal }: Search): Promise<QueryVector> {
  const [vector] = await embedder.embed([question], { task: 'query', ...(signal && { signal }) });
  if (!vector) throw new AppError('embedding_unavailable', 'The embedding model returned no vector.');
  return { model: embedder.model, vector };
}
