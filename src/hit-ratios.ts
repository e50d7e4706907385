import type { Counter } from 'prom-client';

export type CacheLookups = Counter<'cache' | 'outcome'>;

export interface HitRatio {
  hits: number;
  misses: number;
  /** null before the first lookup. */
  hit_ratio: number | null;
}

const caches = ['results', 'embeddings', 'answers'] as const;

/** What this process' searches and answers found in each cache since it started. */
export async function readHitRatios(
  lookups: CacheLookups,
): Promise<Record<(typeof caches)[number], HitRatio>> {
  const { values } = await lookups.get();
  const count = (cache: string, outcome: string) =>
    values.find(({ labels }) => labels.cache === cache && labels.outcome === outcome)?.value ?? 0;
  const read = (cache: string): HitRatio => {
    const [hits, misses] = [count(cache, 'hit'), count(cache, 'miss')];
    return { hits, misses, hit_ratio: hits + misses === 0 ? null : hits / (hits + misses) };
  };
  return { results: read('results'), embeddings: read('embeddings'), answers: read('answers') };
}
