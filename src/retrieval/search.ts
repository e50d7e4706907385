import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import type { Scope } from '../db/api-keys.ts';
import {
  type CacheEntry,
  embeddingKey,
  readSearchState,
  type SearchState,
  writeCache,
} from '../db/query-cache.ts';
import { createScopeCache } from '../db/scope-cache.ts';
import type { Bm25 } from '../db/search-words.ts';
import type { Metrics } from '../metrics.ts';
import type { Embedder } from '../models/embedder.ts';
import { type EmbedderPool, unavailableEmbedder } from '../models/embedder-pool.ts';
import { packVector, unpackVector, withQueryVector } from '../models/query-vectors.ts';
import { analyzeQuestion, analyzerVersion, wordsOf } from './analyze.ts';
import type { Decide } from './decided.ts';
import { type CaseLookup, lookUpCases } from './look-up-cases.ts';
import type { Expand, Filters, Retrieval, Strategy } from './passage.ts';
import type { Reranking } from './rerank.ts';
import { rerankingFor } from './reranking-for.ts';
import { type CasesFound, retrieve } from './retrieve.ts';

/** The key of no entry. */
const noResult = '';

/** For whom is searched: a result found for one is not served to another. */
export interface Audience {
  scope: Scope;
  /** Names of the flags that are on. */
  flags: readonly string[];
  /** What the key is restricted to: nothing else is found, counted or weighed. */
  access?: Access | undefined;
}

export interface SearchOptions {
  k: number;
  strategy: Strategy;
  filters: Filters;
  maxPerDocument?: number | undefined;
  merge?: boolean | undefined;
  expand?: Expand | undefined;
  audience: Audience;
  /** False: without the reranker, where there is one. */
  rerank?: boolean | undefined;
  /** Milliseconds from now until which the result is wanted: the reranker has no more than what is left then. */
  withinMs?: number | undefined;
  /** Whose cases are looked up; left out: none. What they change is not cached: they come and go without the corpus. */
  cases?: { apiKeyId: string } | undefined;
  /**
   * Decides what is made of both legs, in the place of strategy `hybrid`. What was decided for one question is no result of
   * another: it is neither looked for in the cache nor kept there. The question's vector is.
   */
  decide?: Decide | undefined;
  /** Takes what is to be kept in the cache, to write it with more; left out: it is there with the result. */
  keep?: ((entries: readonly CacheEntry[]) => void) | undefined;
  /** Neither reads the cache nor fills it: for measuring. */
  fresh?: boolean;
}

export interface SearchResult {
  retrieval: Retrieval;
  cache: 'hit' | 'miss' | 'off';
  /** Whose vectors were searched; null before any service was started on the database. */
  generation: { id: string; model: string } | null;
}

export interface Search {
  /**
   * Retrieves with the generation that is live when the search begins, or takes the same result from the cache while neither
   * corpus nor generation has changed since.
   */
  retrieve(question: string, options: SearchOptions, signal?: AbortSignal): Promise<SearchResult>;
}

interface SearchDeps {
  db: Knex;
  embedders: EmbedderPool;
  metrics: Metrics;
  bm25: Bm25;
  cacheTtlSeconds: number;
  /** For what filters leave (`ScopeCache`); left out: it is found anew by every search. */
  scopeCacheBytes?: number;
  /** null: none is configured. */
  reranking?: Reranking | null;
  /** Milliseconds that looking for cases may take; left out: 100. */
  caseLookupMs?: number;
}

export function createSearch(deps: SearchDeps): Search {
  const { db, embedders, metrics, bm25, cacheTtlSeconds, scopeCacheBytes = 0, caseLookupMs = 100 } = deps;
  const scopes = scopeCacheBytes > 0 ? createScopeCache(scopeCacheBytes) : undefined;
  const search = async (question: string, asked: SearchOptions, signal?: AbortSignal) => {
    const options = withinAccess(asked);
    const off = cacheTtlSeconds === 0 || options.fresh === true;
    const reranking = rerankingFor(options, deps.reranking, metrics);
    const result = options.decide || options.cases ? noResult : resultKey(question, options, bm25, reranking);
    const keys = { result, questionHash: sha256(question) };
    const asking = analyzeQuestion(question);
    // What a restricted key may not see does not count for it: its statistics are read apart.
    const restricted = options.filters.access !== undefined;
    const words = restricted ? [] : wordsOf(asking);
    const state = await readSearchState(db, keys, off ? 0 : cacheTtlSeconds, words);
    const { generation } = state;
    const answer = { generation: generation && { id: generation.id, model: generation.model } };
    if (!off && result !== noResult) countLookup(metrics, 'results', state.found !== undefined);
    if (state.found !== undefined)
      return { ...answer, retrieval: state.found as Retrieval, cache: 'hit' as const };
    const entries: CacheEntry[] = [];
    const embedder = off
      ? await embedderOf(embedders, generation)
      : withCache(
          await embedderOf(embedders, generation),
          question,
          keys.questionHash,
          state,
          entries,
          metrics,
        );
    const lookup = { db, embedder, metrics, signal, filters: options.filters, withinMs: caseLookupMs };
    const cases = options.cases && (await lookUp(question, { ...lookup, ...options.cases }));
    const retrieved = await retrieve(
      question,
      {
        ...{ db, embedder, bm25, asking, indexed: state.indexed, reranking, scopes },
        statistics: restricted ? undefined : state.statistics,
        ...(signal ? { signal } : {}),
      },
      { ...options, cases },
    );
    // Parts may have been read before a change and its version after it: kept under that, it would be served as new.
    const retrieval = { ...retrieved, corpusVersion: Math.min(state.corpusVersion, retrieved.corpusVersion) };
    if (off) return { ...answer, retrieval, cache: 'off' as const };
    // The next search may find the reranker well again.
    const whole = !retrieval.analysis.rerank || retrieval.analysis.rerank.outcome === 'applied';
    if (whole && result !== noResult)
      entries.push({
        key: keys.result,
        corpusVersion: retrieval.corpusVersion,
        generationId: generation?.id ?? null,
        value: retrieval,
      });
    await (options.keep ? options.keep(entries) : writeCache(db, entries));
    return { ...answer, retrieval, cache: options.decide ? ('off' as const) : ('miss' as const) };
  };
  return {
    retrieve: async (question, options, signal) => {
      const end = metrics.searchSeconds.startTimer({ strategy: options.strategy });
      const result = await search(question, options, signal);
      end({ cache: result.cache });
      return result;
    },
  };
}

async function lookUp(question: string, lookup: CaseLookup): Promise<CasesFound> {
  const matches = await lookUpCases(question, lookup);
  if (matches) return { matches };
  return { matches: [], note: `Cases: looking for them took longer than ${lookup.withinMs} ms.` };
}

/** What a key is restricted to is a filter that no caller can leave out; as one it is part of the key of the cache. */
function withinAccess(options: SearchOptions): SearchOptions {
  const { access } = options.audience;
  return access ? { ...options, filters: { ...options.filters, access } } : options;
}

/** A model that can't be opened here costs the vector leg, not the search. */
async function embedderOf(embedders: EmbedderPool, generation: SearchState['generation']): Promise<Embedder> {
  if (!generation) return unavailableEmbedder('none', 0, new Error('no generation is live'));
  try {
    return await embedders.of(generation);
  } catch (error) {
    return unavailableEmbedder(generation.model, generation.dimensions, error);
  }
}

/** A question's vector depends on text and model alone, so it outlives changes of the corpus. */
function withCache(
  embedder: Embedder,
  question: string,
  questionHash: string,
  { vector }: SearchState,
  entries: CacheEntry[],
  metrics: Metrics,
): Embedder {
  const cached = vector === null ? undefined : unpackVector(vector);
  const known = cached?.length === embedder.dimensions ? cached : undefined;
  return withQueryVector(embedder, question, known, (made, wasKnown) => {
    countLookup(metrics, 'embeddings', wasKnown);
    if (wasKnown) return;
    const key = embeddingKey(embedder.model, questionHash);
    entries.push({ key, corpusVersion: null, generationId: null, value: packVector(made) });
  });
}

function countLookup(metrics: Metrics, cache: 'results' | 'embeddings', hit: boolean): void {
  metrics.cacheLookups.inc({ cache, outcome: hit ? 'hit' : 'miss' });
}

/** Everything the result depends on beside corpus and generation, which stand with the entry. */
function resultKey(
  question: string,
  options: SearchOptions,
  bm25: Bm25,
  reranking: Reranking | undefined,
): string {
  const { k, strategy, filters, maxPerDocument, merge = false, expand = 'none', audience } = options;
  const { scope, flags } = audience;
  const asked = [question.normalize('NFC'), k, strategy, filters, maxPerDocument, merge, expand];
  const order = reranking && [reranking.reranker.model, reranking.top];
  const parts = [...asked, scope, [...flags].sort(), bm25, analyzerVersion, order];
  return `search:${strategy}:${sha256(JSON.stringify(parts))}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
