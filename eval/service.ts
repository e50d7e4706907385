import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnswerResult } from '../src/answer-result.ts';
import { readConfig } from '../src/config.ts';
import type { ClaimedAnswer } from '../src/db/answers.ts';
import { createLog } from '../src/log.ts';
import type { Embedder } from '../src/models/embedder.ts';
import type { EmbedderPool } from '../src/models/embedder-pool.ts';
import type { Decide } from '../src/retrieval/decided.ts';
import type { Retrieval } from '../src/retrieval/passage.ts';
import { createSearch } from '../src/retrieval/search.ts';
import { openApi, openFoundation } from '../src/service.ts';
import { createShutdown } from '../src/shutdown.ts';
import type { Run } from '../workers/answer/experience.ts';
import { type AnswerRequest, runSteps } from '../workers/answer/run-steps.ts';
import { readWorkerConfig } from '../workers/config.ts';
import type { Context } from '../workers/context.ts';
import { startWorkers } from '../workers/start-workers.ts';
import type { EvalPassage } from './dataset.ts';
import { cacheEmbeddings } from './embedding-cache.ts';

/** The product itself in a temporary data directory, used through its HTTP API but for answers. */
export interface EvalService {
  /** The embedding model, as stored beside vectors. */
  embedding: string;
  /** Whether a reranker is set up. */
  reranks: boolean;
  /** Ingests the passages; returns document id → passage id. */
  ingest(
    corpus: readonly EvalPassage[],
    onProgress: (done: number, total: number) => void,
  ): Promise<Map<string, string>>;
  /** Passages, best first. `document` is the id that the service gave it. */
  search(question: string, request: SearchRequest): Promise<FoundPassage[]>;
  /** Search as an answer's retrieval has it, with whatever is decided; `document` is the id that the service gave it. */
  retrieve(question: string, k: number, decide: Decide): Promise<Retrieval>;
  /** The answering code of the worker on this question, without queue, rows and language model. */
  answer(question: string, request: AnswerRequest): Promise<AnswerResult>;
  /** Any request with the admin key; throws where it is refused. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** The answer to a question, once it has ended. */
  ask(question: string): Promise<{ id: string; sources: { document_id: string }[] }>;
  /** Cases that are found, and of those the ones that have no index yet. */
  waitingCases(): Promise<{ active: number; unindexed: number }>;
  /** The same with what it was made of. */
  run(question: string, request: AnswerRequest): Promise<Run>;
  /** Text of a version. */
  text(document: string, version: number): Promise<string>;
  stop(): Promise<void>;
}

interface SearchReply {
  hits: Hit[];
  cases?: { chunk_ids: string[] }[];
  query_analysis: { rerank: { model: string; outcome: string } | null };
}

export interface SearchRequest {
  search_mode: string;
  max_results: number;
  rerank?: boolean;
  merge_neighbours?: boolean;
  expand?: string;
  use_neural?: boolean;
}

export interface FoundPassage {
  document: string;
  text: string;
  range: [number, number];
  /** True where a case that was like the question had cited it. */
  cited?: boolean;
}

/** Whether and from where there are vectors. */
export interface Vectors {
  /** Folder of remembered embeddings; undefined: everything is embedded anew. */
  folder: string | undefined;
  /** False where words alone are measured: nobody reads the vectors then, so no model need make them. */
  needed: boolean;
}

/** `kept`: a data directory that is used, and there afterwards; what it holds already is not ingested again. */
export async function startEvalService(vectors: Vectors, kept?: string): Promise<EvalService> {
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'dt-rag-eval-')));
  const service = await startEmbedded(folder, vectors);
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${service.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-api-key': service.adminKey },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  return {
    embedding: service.embedding,
    reranks: service.reranks,
    ingest: async (corpus, onProgress) => {
      const ids = new Map<string, string>();
      let done = 0;
      for (const passages of inBatches(corpus.filter(({ title, text }) => (title + text).trim() !== ''))) {
        const items = passages.map(({ _id, title, text }) => ({
          external_id: _id,
          text: text.trim() || title,
          ...(title ? { title: title.slice(0, 500) } : {}),
        }));
        const { id } = await call<{ id: string }>('POST', '/api/v1/ingestion-batches', { items });
        await finished(id, passages.length, call);
        for (const [documentId, passageId] of await itemsOf(id, call)) ids.set(documentId, passageId);
        done += passages.length;
        onProgress(done, corpus.length);
      }
      return ids;
    },
    search: async (question, request) => {
      const body = { q: question.slice(0, 2000), ...request, include_highlights: false };
      const found = await call<SearchReply>('POST', '/api/v1/search', body);
      const { rerank: report } = found.query_analysis;
      if (request.rerank && report && report.outcome !== 'applied')
        throw new Error(`${report.model} ended with ${report.outcome}: set RERANK_BUDGET_MS higher`);
      const cited = new Set(found.cases?.flatMap(({ chunk_ids }) => chunk_ids));
      return found.hits.map(({ chunk_id, document_id: document, text, char_range: range }) => ({
        ...{ document, text, range },
        cited: cited.has(chunk_id),
      }));
    },
    retrieve: async (question, k, decide) => {
      const audience = { scope: 'read', flags: [] } as const;
      const options = { k, strategy: 'hybrid', filters: {}, audience, decide, fresh: true } as const;
      return (await service.context.search.retrieve(question.slice(0, 2000), options)).retrieval;
    },
    answer: async (question, request) =>
      (await runSteps(claimed(question, request), service.context, () => undefined)).result,
    run: (question, request) => runSteps(claimed(question, request), service.context, () => undefined),
    call,
    ask: async (question) => {
      const accepted = await call<Answered>('POST', '/api/v1/answers', { question });
      for (;;) {
        const answer = await call<Answered>('GET', `/api/v1/answers/${accepted.id}`);
        if (answer.is_terminal) return { ...answer, sources: answer.sources ?? [] };
        await sleep(10);
      }
    },
    waitingCases: async () => {
      const { db } = service.context;
      const rows = await db('cases').where({ status: 'active' }).select(db.raw('words is null as waits'));
      return { active: rows.length, unindexed: rows.filter(({ waits }) => waits).length };
    },
    text: async (document, version) => {
      const path = `/api/v1/documents/${document}/versions/${version}/text`;
      const response = await fetch(`${service.url}${path}`, { headers: { 'x-api-key': service.adminKey } });
      if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
      return response.text();
    },
    stop: async () => {
      await service.stop();
      if (kept === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What answering reads of a row. */
function claimed(question: string, request: AnswerRequest): ClaimedAnswer {
  const row = { id: randomUUID(), token: randomUUID(), attempts: 1, msLeft: 60_000, queuedMs: 0 };
  return { ...row, question: question.slice(0, 2000), request } as unknown as ClaimedAnswer;
}

/** The embedded tier put together as always, but for an embedder that remembers. */
async function startEmbedded(folder: string, vectors: Vectors) {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env;
  const environment = {
    ...inherited,
    DATA_DIR: folder,
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    QUERY_CACHE_TTL_SECONDS: '0',
  };
  const config = readConfig(environment);
  const log = createLog(config.LOG_LEVEL);
  const shutdown = createShutdown(log, config.SHUTDOWN_SECONDS);
  try {
    const opened = await openFoundation(config, log, shutdown);
    const { db, metrics, reranking } = opened;
    const embedders = wrapPool(opened.embedders, wrapperOf(vectors));
    const bm25 = { k1: config.BM25_K1, b: config.BM25_B };
    const search = createSearch({ db, embedders, metrics, bm25, reranking, cacheTtlSeconds: 0 });
    const foundation = { ...opened, embedders, search };
    const tools = await startWorkers(foundation, readWorkerConfig(environment));
    const context: Context = { ...tools, llm: null, log, signal: shutdown.signal };
    const { url, adminKey } = await openApi(foundation);
    return {
      ...{ url, adminKey, context, reranks: reranking !== null },
      embedding: (await embedders.configured()).model,
      stop: () => shutdown.run(),
    };
  } catch (error) {
    await shutdown.run();
    throw error;
  }
}

type Wrap = (embedder: Embedder) => Promise<Embedder>;

function wrapperOf({ folder, needed }: Vectors): Wrap {
  if (!needed)
    return async (embedder) => ({ ...embedder, embed: async (texts) => texts.map(() => unit(embedder)) });
  return folder === undefined
    ? async (embedder) => embedder
    : (embedder) => cacheEmbeddings(embedder, folder);
}

function unit({ dimensions }: Embedder): Float32Array {
  return new Float32Array(dimensions).fill(1 / Math.sqrt(dimensions));
}

/** One wrapped embedder a model, however often it is asked for. */
function wrapPool(pool: EmbedderPool, wrap: Wrap): EmbedderPool {
  const wrapped = new Map<string, Promise<Embedder>>();
  const once = async (opening: Promise<Embedder>) => {
    const embedder = await opening;
    const known = wrapped.get(embedder.model) ?? wrap(embedder);
    wrapped.set(embedder.model, known);
    return known;
  };
  return {
    configured: () => once(pool.configured()),
    open: (choice) => once(pool.open(choice)),
    of: (generation) => once(pool.of(generation)),
    close: () => pool.close(),
  };
}

interface Answered {
  id: string;
  is_terminal: boolean;
  sources?: { document_id: string }[];
}

interface Hit {
  chunk_id: string;
  document_id: string;
  text: string;
  char_range: [number, number];
}

type Call = <T>(method: string, path: string, body?: unknown) => Promise<T>;

async function finished(batchId: string, size: number, call: Call): Promise<void> {
  for (;;) {
    const batch = await call<{ is_terminal: boolean; counts: Record<string, number> }>(
      'GET',
      `/api/v1/ingestion-batches/${batchId}`,
    );
    if (!batch.is_terminal) {
      await sleep(250);
      continue;
    }
    const ready = (batch.counts.completed ?? 0) + (batch.counts.unchanged ?? 0);
    if (ready !== size)
      throw new Error(`only ${ready} of ${size} passages were ingested: ${JSON.stringify(batch.counts)}`);
    return;
  }
}

async function itemsOf(batchId: string, call: Call): Promise<[string, string][]> {
  const pairs: [string, string][] = [];
  for (let cursor: string | null = '0'; cursor !== null; ) {
    const page: { items: { document_id: string; external_id: string }[]; next_cursor: string | null } =
      await call('GET', `/api/v1/ingestion-batches/${batchId}/items?limit=200&cursor=${cursor}`);
    pairs.push(...page.items.map((item): [string, string] => [item.document_id, item.external_id]));
    cursor = page.next_cursor;
  }
  return pairs;
}

/** A JSON body may have 1 MB and a batch 1,000 items. */
function* inBatches(corpus: readonly EvalPassage[]): Generator<EvalPassage[]> {
  let batch: EvalPassage[] = [];
  let bytes = 0;
  for (const passage of corpus) {
    const size = Buffer.byteLength(JSON.stringify(passage)) + 100;
    if (batch.length === 500 || (bytes + size > 900_000 && batch.length > 0)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(passage);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
