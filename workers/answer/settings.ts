import type { Context } from '../context.ts';

/** Settings that an answer depends on, by how their names begin, so that a new one counts by itself. */
const counts = /^(BM25|RERANK|LLM|COMPOSE|STEP|ABSTAIN|UNSUPPORTED|PLAN|DEBATE|TOOL)/;
/** Where a model is reached and with what key says nothing of an answer, and a key belongs nowhere. */
const isAddressOrSecret = /(KEY|URL|DIR)$/;

/** The configuration that an answer is made with: kept with its record, and part of what it is cached by. */
export function answerSettings(config: Context['config']): Record<string, unknown> {
  const named = Object.entries(config).filter(
    ([name, value]) => counts.test(name) && !isAddressOrSecret.test(name) && value !== undefined,
  );
  return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}
