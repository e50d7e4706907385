import type { Knex } from 'knex';
import { searchMeaning } from '../db/search-meaning.ts';
import { hasVectorIndex } from '../db/vector-index.ts';
import { sampleVectors, saveVectorRecall, type VectorRecall } from '../db/vector-recall.ts';

export interface RecallOptions {
  /** Nearest chunks that are compared. */
  k: number;
  /** Passages to ask with. */
  samples: number;
  signal?: AbortSignal | undefined;
}

/**
 * Asks with passages of the corpus in the place of questions, both as search does and exactly, each without itself, and keeps
 * what came of it. Undefined when the model has no vectors. Cost: `samples` exact scans.
 */
export async function measureVectorRecall(
  db: Knex,
  { model, dimensions }: { model: string; dimensions: number },
  { k, samples, signal }: RecallOptions,
): Promise<VectorRecall | undefined> {
  const indexed = await hasVectorIndex(db, model, dimensions);
  const asked = await sampleVectors(db, model, samples);
  if (asked.length === 0) return undefined;
  const times = { search: [] as number[], exact: [] as number[] };
  const shares: number[] = [];
  for (const { seq, vector } of asked) {
    signal?.throwIfAborted();
    const nearest = async (kind: 'search' | 'exact') => {
      const started = performance.now();
      const found = await searchMeaning(db, { model, vector }, { limit: k + 1, exact: kind === 'exact' });
      times[kind].push(performance.now() - started);
      return found.filter((chunk) => chunk.seq !== seq).slice(0, k);
    };
    const found = new Set((await nearest('search')).map((chunk) => chunk.seq));
    const expected = await nearest('exact');
    const hits = expected.filter((chunk) => found.has(chunk.seq)).length;
    if (expected.length > 0) shares.push(hits / expected.length);
  }
  const measured: VectorRecall = {
    ...{ model, k, samples: asked.length, indexed, measuredAt: new Date() },
    recall: shares.length === 0 ? 1 : shares.reduce((sum, share) => sum + share, 0) / shares.length,
    search: { p50: quantile(times.search, 0.5), p95: quantile(times.search, 0.95) },
    exact: { p50: quantile(times.exact, 0.5), p95: quantile(times.exact, 0.95) },
  };
  await saveVectorRecall(db, measured);
  return measured;
}

/** The q-quantile by nearest rank. */
function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? 0;
}
