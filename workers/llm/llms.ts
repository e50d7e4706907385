import { createGeminiLlm } from './gemini.ts';
import { guard } from './guard.ts';
import type { Llm, ModelCondition } from './llm.ts';
import { createOpenAiLlm } from './openai.ts';

export interface LlmSettings {
  /** `gemini` when left out. */
  provider?: LlmProvider;
  geminiApiKey?: string;
  geminiBaseUrl?: string;
  /** openai: where its chat completions are. */
  baseUrl?: string;
  apiKey?: string;
  model?: string;
  /** A smaller model of the same provider. */
  fallbackModel?: string;
  /** How long a model that keeps failing is left alone, milliseconds; 0 = never. */
  breakerMs?: number;
}

type Provider = (settings: Omit<LlmSettings, 'provider'>, model: string | undefined) => Llm | null;

/** Every language model provider there is; null where it is not set up. */
export const llmProviders = {
  gemini: ({ geminiApiKey, geminiBaseUrl }, model) =>
    geminiApiKey
      ? createGeminiLlm({
          apiKey: geminiApiKey,
          ...(geminiBaseUrl === undefined ? {} : { baseUrl: geminiBaseUrl }),
          ...(model === undefined ? {} : { model }),
        })
      : null,
  openai: ({ baseUrl, apiKey }, model) =>
    baseUrl && model ? createOpenAiLlm({ baseUrl, model, ...(apiKey ? { apiKey } : {}) }) : null,
} as const satisfies Record<string, Provider>;

export type LlmProvider = keyof typeof llmProviders;
export const llmProviderNames = Object.keys(llmProviders) as [LlmProvider, ...LlmProvider[]];

const usualBreakerMs = 10_000;

/**
 * The language model behind its circuit breaker, with the one that takes over where it fails; null where none is set up:
 * answers are then taken from the sources word for word.
 */
export function openLlm({ provider = 'gemini', ...settings }: LlmSettings): Llm | null {
  const { breakerMs = usualBreakerMs } = settings;
  const open = (name: string | undefined) => {
    const llm = llmProviders[provider](settings, name);
    return llm && guard(llm, { openMs: breakerMs });
  };
  const llm = open(settings.model);
  const fallback = settings.fallbackModel && llm ? open(settings.fallbackModel) : null;
  return llm && fallback ? { ...llm, fallback } : llm;
}

/** The model and those that take over from it, with whether their calls pass at present. */
export function conditionsOf(llm: Llm | null): { model: string; condition: ModelCondition }[] {
  const conditions: { model: string; condition: ModelCondition }[] = [];
  for (let one = llm; one; one = one.fallback ?? null)
    conditions.push({ model: one.model, condition: one.condition?.() ?? 'closed' });
  return conditions;
}
