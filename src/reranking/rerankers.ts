import { createGeminiReranker } from './gemini.ts';
import { openLocalReranker } from './local.ts';
import type { Reranker } from './reranker.ts';

export interface RerankerSettings {
  /** Folder of a local cross-encoder. */
  modelDir?: string | undefined;
  geminiApiKey?: string | undefined;
  geminiBaseUrl?: string | undefined;
  geminiModel?: string | undefined;
}

type Provider = (settings: RerankerSettings) => Promise<Reranker>;

/** Every reranker provider there is. */
export const rerankerProviders = {
  local: async ({ modelDir }) => openLocalReranker({ folder: modelDir ?? '' }),
  gemini: async ({ geminiApiKey = '', geminiBaseUrl, geminiModel }) =>
    createGeminiReranker({
      apiKey: geminiApiKey,
      ...(geminiBaseUrl === undefined ? {} : { baseUrl: geminiBaseUrl }),
      ...(geminiModel === undefined ? {} : { model: geminiModel }),
    }),
} as const satisfies Record<string, Provider>;

export type RerankerProvider = keyof typeof rerankerProviders;

/** Opens the provider's model, ready for use. Throws AppError `reranker_unavailable` where it can't be opened. */
export async function openReranker(
  provider: RerankerProvider,
  settings: RerankerSettings,
): Promise<Reranker> {
  return rerankerProviders[provider](settings);
}
