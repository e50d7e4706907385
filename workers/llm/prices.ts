import type { Usage } from './llm.ts';

/** USD for a million tokens. */
export interface Price {
  input: number;
  output: number;
}

export type LlmPrices = ReadonlyMap<string, Price>;

const entry = /^\s*([^=,\s]+)\s*=\s*(\d+(?:\.\d+)?)\s*\/\s*(\d+(?:\.\d+)?)\s*$/;

/** `model=input/output,…`; undefined where it is not of that form. */
export function readLlmPrices(list: string): LlmPrices | undefined {
  const entries = list.split(',').filter((part) => part.trim() !== '');
  const read = entries.map((part) => entry.exec(part));
  if (read.some((match) => match === null)) return undefined;
  return new Map(
    read.map((match) => [match?.[1] as string, { input: Number(match?.[2]), output: Number(match?.[3]) }]),
  );
}

/** What a call costs that used so much, USD; null where the model has no price. */
export function costOfCall(model: string, used: Usage, prices: LlmPrices): number | null {
  const price = prices.get(model);
  if (!price) return null;
  return (used.inputTokens * price.input + used.outputTokens * price.output) / 1_000_000;
}
