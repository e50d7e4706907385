import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import { readCache, writeCache } from '../db/query-cache.ts';
import type { Metrics } from '../metrics.ts';
import type { Embedder } from '../models/embedder.ts';
import type { Filters, Retrieval, Strategy } from './passage.ts';
import { retrieve } from './retrieve.ts';

export interface SearchOptions {
  k: number;
  strategy: Strategy;
  filters: Filters;
  maxPerDocument?: number | undefined;
}

export interface Search {
  /** Retrieves, or takes the same result from the cache while the corpus has not changed since. */
  retrieve(
    question: string,
    options: SearchOptions,
    signal?: AbortSignal,
  ): Promise<{ retrieval: Retrieval; cache: 'hit' | 'miss' | 'off' }>;
}

interface SearchDeps {
  db: Knex;
  embedder: Embedder;
  metrics: Metrics;
  cacheTtlSeconds: number;
}

export function createSearch({ db, embedder, metrics, cacheTtlSeconds }: SearchDeps): Search {
  const compute = (question: string, options: SearchOptions, signal?: AbortSignal) =>
    retrieve(question, { db, embedder, ...(signal ? { signal } : {}) }, options);
  const cached = async (question: string, options: SearchOptions, signal?: AbortSignal) => {
    if (cacheTtlSeconds === 0)
      return { retrieval: await compute(question, options, signal), cache: 'off' as const };
    const key = cacheKey(question, options, embedder.model);
    const found = await readCache<Retrieval>(db, key, cacheTtlSeconds);
    if (found) return { retrieval: found, cache: 'hit' as const };
    const retrieval = await compute(question, options, signal);
    await writeCache(db, key, retrieval.corpusVersion, retrieval);
    return { retrieval, cache: 'miss' as const };
  };
  return {
    retrieve: async (question, options, signal) => {
      const end = metrics.searchSeconds.startTimer({ strategy: options.strategy });
      const result = await cached(question, options, signal);
      end({ cache: result.cache });
      return result;
    },
  };
}

/** Everything the result depends on beside the corpus, whose version stands with the entry. */
function cacheKey(question: string, options: SearchOptions, model: string): string {
  const parts = [
    question.normalize('NFC'),
    options.k,
    options.strategy,
    options.filters,
    options.maxPerDocument,
    model,
  ];
  return `search:${options.strategy}:${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}
