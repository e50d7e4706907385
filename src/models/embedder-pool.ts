import { AppError } from '../errors.ts';
import type { Embedder } from './embedder.ts';
import {
  type EmbedderSettings,
  type EmbeddingProvider,
  embeddingProviders,
  openEmbedder,
} from './embedders.ts';

/** A model that somebody asks for; what is left out is as the configuration has it. */
export interface ModelChoice {
  provider: EmbeddingProvider;
  /** Name without dimensions; of the local models there are the configured and the carried one. */
  name?: string | undefined;
  dimensions?: number | undefined;
}

/** Embedding models side by side in one process: each is opened once, when it is first needed. */
export interface EmbedderPool {
  /** The model that the configuration names. */
  configured(): Promise<Embedder>;
  /** Throws `embedding_unavailable` where it can't be opened here. */
  open(choice: ModelChoice): Promise<Embedder>;
  /** The model of a generation, as it stands beside its vectors. Throws `embedding_unavailable` with what to do. */
  of(generation: { provider: string; model: string }): Promise<Embedder>;
  close(): Promise<void>;
}

/** `settings` are those of the configured model, and the keys and folders of all. Nothing is opened yet. */
export function createEmbedderPool(settings: EmbedderSettings): EmbedderPool {
  const opened = new Map<string, Promise<Embedder>>();
  const once = (key: string, settings: EmbedderSettings) => {
    const known = opened.get(key);
    if (known) return known;
    const opening = openEmbedder(settings);
    opened.set(key, opening);
    // What could not be opened is tried again the next time it is asked for.
    opening.catch(() => opened.delete(key));
    return opening;
  };
  const open = async ({ provider, name, dimensions }: ModelChoice) => {
    if (provider === 'local') return openLocal(name, settings, once);
    const { geminiModel = '', dimensions: configured = 0 } = settings;
    const chosen = { geminiModel: name ?? geminiModel, dimensions: dimensions ?? configured };
    return once(`gemini ${chosen.geminiModel}@${chosen.dimensions}`, { ...settings, provider, ...chosen });
  };
  return {
    configured: () => open({ provider: settings.provider }),
    open,
    of: async ({ provider, model }) => {
      const cut = model.lastIndexOf('@');
      if (!(provider in embeddingProviders))
        throw new AppError('embedding_unavailable', `There is no embedding provider ${provider}.`);
      const embedder = await open({
        provider: provider as EmbeddingProvider,
        name: model.slice(0, cut),
        dimensions: Number(model.slice(cut + 1)),
      });
      if (embedder.model === model) return embedder;
      throw new AppError('embedding_unavailable', `The model opened is ${embedder.model}, not ${model}.`);
    },
    close: async () => {
      const all = await Promise.allSettled(opened.values());
      await Promise.all(all.map((one) => (one.status === 'fulfilled' ? one.value.close() : undefined)));
    },
  };
}

type OpenOnce = (key: string, settings: EmbedderSettings) => Promise<Embedder>;

/** The configured folder first, then the model that comes with the service: a change of folder leaves the old one readable. */
async function openLocal(
  name: string | undefined,
  { modelDir, ...settings }: EmbedderSettings,
  once: OpenOnce,
): Promise<Embedder> {
  const folders = modelDir === undefined ? [undefined] : [modelDir, undefined];
  for (const folder of folders) {
    const where = {
      ...settings,
      provider: 'local' as const,
      ...(folder === undefined ? {} : { modelDir: folder }),
    };
    const embedder = await once(`local ${folder ?? ''}`, where);
    if (name === undefined || embedder.model === `${name}@${embedder.dimensions}`) return embedder;
  }
  throw new AppError(
    'embedding_unavailable',
    `The local model ${name} is not here: set EMBEDDING_MODEL_DIR to its folder.`,
  );
}

/** Stands for a model that can't be opened here: says so when asked for a vector, so that search falls back to words. */
export function unavailableEmbedder(model: string, dimensions: number, reason: unknown): Embedder {
  return {
    model,
    dimensions,
    maxBatch: 1,
    reads: () => 1,
    embed: async () => {
      if (reason instanceof AppError) throw reason;
      throw new AppError('embedding_unavailable', `The embedding model ${model} is not available.`, {
        cause: reason,
      });
    },
    close: async () => undefined,
  };
}
