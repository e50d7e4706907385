import { createGeminiLlm } from './gemini.ts';
import type { Llm } from './llm.ts';

export interface LlmSettings {
  /** `gemini` when left out. */
  provider?: LlmProvider;
  geminiApiKey?: string;
  geminiBaseUrl?: string;
  model?: string;
}

type Provider = (settings: Omit<LlmSettings, 'provider'>) => Llm | null;

/** Every language model provider there is; null where its key is not set. */
export const llmProviders = {
  gemini: ({ geminiApiKey, geminiBaseUrl, model }) =>
    geminiApiKey
      ? createGeminiLlm({
          apiKey: geminiApiKey,
          ...(geminiBaseUrl === undefined ? {} : { baseUrl: geminiBaseUrl }),
          ...(model === undefined ? {} : { model }),
        })
      : null,
} as const satisfies Record<string, Provider>;

export type LlmProvider = keyof typeof llmProviders;

/** The language model, or null without a key: answers are then taken from the sources word for word. */
export function openLlm({ provider = 'gemini', ...settings }: LlmSettings): Llm | null {
  return llmProviders[provider](settings);
}
