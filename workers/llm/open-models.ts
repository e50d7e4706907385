import { type Config, ConfigError } from '../../src/config.ts';
import type { Metrics } from '../../src/metrics.ts';
import { exportModelConditions } from '../../src/metrics-gauges.ts';
import type { WorkerConfig } from '../config.ts';
import type { Llm } from './llm.ts';
import { conditionsOf, openLlm } from './llms.ts';
import { readLlmPrices } from './prices.ts';

/**
 * The language model that the configuration names, its condition shown in the metrics; null where none is set up. Throws
 * ConfigError where a daily budget holds and a model has no price to keep it by.
 */
export function openModels(config: Config, workerConfig: WorkerConfig, metrics: Metrics): Llm | null {
  const { LLM_API_KEY, LLM_BASE_URL, LLM_FALLBACK_MODEL, LLM_PROVIDER } = workerConfig;
  const llm = openLlm({
    provider: LLM_PROVIDER,
    ...(config.GEMINI_API_KEY ? { geminiApiKey: config.GEMINI_API_KEY } : {}),
    ...(config.GEMINI_BASE_URL ? { geminiBaseUrl: config.GEMINI_BASE_URL } : {}),
    ...(LLM_BASE_URL ? { baseUrl: LLM_BASE_URL } : {}),
    ...(LLM_API_KEY ? { apiKey: LLM_API_KEY } : {}),
    model: workerConfig.LLM_MODEL,
    ...(LLM_FALLBACK_MODEL ? { fallbackModel: LLM_FALLBACK_MODEL } : {}),
    breakerMs: workerConfig.LLM_BREAKER_SECONDS * 1000,
  });
  exportModelConditions(metrics, () => conditionsOf(llm));
  if (config.LLM_DAILY_BUDGET_USD !== undefined) refuseUnpriced(llm, workerConfig.LLM_PRICES);
  return llm;
}

function refuseUnpriced(llm: Llm | null, list: string): void {
  const prices = readLlmPrices(list);
  const problems = conditionsOf(llm).flatMap(({ model }) =>
    prices?.has(model)
      ? []
      : [`LLM_PRICES must name ${model} when LLM_DAILY_BUDGET_USD is set (0/0 where it costs nothing).`],
  );
  if (problems.length > 0) throw new ConfigError(problems);
}
