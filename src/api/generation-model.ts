import { AppError } from '../errors.ts';
import type { Embedder } from '../models/embedder.ts';
import type { EmbeddingProvider } from '../models/embedders.ts';
import type { ApiContext } from './app.ts';

interface AskedModel {
  provider: EmbeddingProvider;
  model?: string | undefined;
  dimensions?: number | undefined;
}

/** The embedder that a request asks for. Throws `validation_failed` where this service has no such model. */
export async function chooseModel(
  { provider, model, dimensions }: AskedModel,
  { config, embedders }: ApiContext,
): Promise<Embedder> {
  if (provider === 'gemini') {
    if (!config.GEMINI_API_KEY)
      throw invalid('/provider', 'gemini needs GEMINI_API_KEY: set it and start again');
    return embedders.open({ provider, name: model, dimensions });
  }
  const embedder = await embedders.open({ provider, name: model }).catch((error) => {
    if (error instanceof AppError && model !== undefined) throw invalid('/model', error.message);
    throw error;
  });
  if (dimensions !== undefined && dimensions !== embedder.dimensions)
    throw invalid('/dimensions', `${embedder.model} has ${embedder.dimensions}: leave it out`);
  return embedder;
}

function invalid(pointer: string, message: string): AppError {
  return new AppError('validation_failed', `${pointer}: ${message}`, { errors: [{ pointer, message }] });
}

/** One vector, so that a wrong key or name is found out before anything depends on it. Throws `embedding_unavailable`. */
export async function proveUsable(embedder: Embedder): Promise<void> {
  await embedder.embed(['?'], { task: 'query' });
}
