import { AppError } from '../errors.ts';
import type { Embedder } from './embedder.ts';
import { createGeminiEmbedder } from './gemini.ts';
import { openLocalEmbedder } from './local.ts';

export interface EmbedderSettings {
  provider: EmbeddingProvider;
  /** Folder of a local model; the one that comes with the service when left out. */
  modelDir?: string;
  /** CPU threads of the local model. */
  threads?: number;
  geminiApiKey?: string;
  geminiBaseUrl?: string;
  geminiModel?: string;
  /** Size of the vectors, where the provider lets one choose. */
  dimensions?: number;
}

type Provider = (settings: Omit<EmbedderSettings, 'provider'>) => Promise<Embedder>;

/** Every embedding provider there is. */
export const embeddingProviders = {
  local: async ({ modelDir, threads }) => openLocalEmbedder(defined({ folder: modelDir, threads })),
  gemini: async ({ geminiApiKey, geminiBaseUrl, geminiModel, dimensions }) =>
    createGeminiEmbedder({
      apiKey: required(geminiApiKey),
      ...defined({ baseUrl: geminiBaseUrl, model: geminiModel, dimensions }),
    }),
} as const satisfies Record<string, Provider>;

export type EmbeddingProvider = keyof typeof embeddingProviders;
export const embeddingProviderNames = Object.keys(embeddingProviders) as [
  EmbeddingProvider,
  ...EmbeddingProvider[],
];

/** Opens the provider's model, ready for use. Throws AppError `embedding_unavailable` where it can't be opened. */
export async function openEmbedder({ provider, ...settings }: EmbedderSettings): Promise<Embedder> {
  return embeddingProviders[provider](settings);
}

function required(apiKey: string | undefined): string {
  if (apiKey) return apiKey;
  throw new AppError('embedding_unavailable', 'The gemini embedding provider needs an API key.');
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that are set: an absent option takes its default. */
function defined<T extends object>(options: T): Defined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
}
