import { setTimeout as wait } from 'node:timers/promises';
import { type EmbedContentRequest, GoogleGenerativeAI, TaskType } from '@google/generative-ai';
import { AppError } from '../errors.ts';
import type { Embedder, EmbeddingTask } from './embedder.ts';
import { faultSentence, type GeminiFault, geminiFault } from './gemini-fault.ts';
import { normalise } from './pooling.ts';

// What batchEmbedContents takes at most.
const maxBatch = 100;

const taskTypes: Record<EmbeddingTask, TaskType> = {
  query: TaskType.RETRIEVAL_QUERY,
  passage: TaskType.RETRIEVAL_DOCUMENT,
};

export interface GeminiEmbedderOptions {
  apiKey: string;
  baseUrl?: string;
  model?: string;
  dimensions?: number;
  timeoutMs?: number;
}

/**
 * Embeds through the Gemini API. Every failure is AppError `embedding_unavailable`, with `retryAfter` where the API
 * names a delay; no error text holds the key. A question that met a passing fault is asked once more: a search has no job
 * that would try again. Passages are their job's to try again.
 */
export function createGeminiEmbedder({
  apiKey,
  baseUrl,
  model = 'gemini-embedding-001',
  dimensions = 768,
  timeoutMs = 30_000,
}: GeminiEmbedderOptions): Embedder {
  const api = new GoogleGenerativeAI(apiKey).getGenerativeModel(
    { model },
    baseUrl === undefined ? {} : { baseUrl },
  );
  const closing = new AbortController();

  async function request(
    texts: readonly string[],
    task: EmbeddingTask,
    signal?: AbortSignal,
    again = task === 'query',
  ): Promise<number[][]> {
    const timedOut = AbortSignal.timeout(timeoutMs);
    // The SDK takes a signal, but neither looks whether it is aborted already nor lets go of it afterwards.
    const either = AbortSignal.any([timedOut, closing.signal, ...(signal ? [signal] : [])]);
    try {
      const requests = texts.map((text) => embedRequest(text, taskTypes[task], dimensions));
      const { embeddings } = await api.batchEmbedContents({ requests }, { signal: either });
      return embeddings.map(({ values }) => values);
    } catch (error) {
      if (closing.signal.aborted && !signal?.aborted) throw closed();
      const fault = geminiFault(error, { apiKey, timedOut, signal });
      if (again && isHiccup(fault)) {
        await wait(pauseMs * (1 + Math.random()), undefined, { signal: either }).catch(() => undefined);
        signal?.throwIfAborted();
        return request(texts, task, signal, false);
      }
      throw new AppError('embedding_unavailable', faultSentence('The embedding model', fault), {
        cause: fault.cause,
        ...(fault.retryAfter === undefined ? {} : { retryAfter: fault.retryAfter }),
      });
    }
  }

  return {
    model: `${model}@${dimensions}`,
    dimensions,
    maxBatch,
    // The model is multilingual (over a hundred languages).
    reads: () => 1,
    async embed(texts, { task, signal }) {
      if (texts.length > maxBatch)
        throw new RangeError(`At most ${maxBatch} texts a call, not ${texts.length}.`);
      if (closing.signal.aborted)
        throw new AppError('embedding_unavailable', 'The embedding model is closed.');
      signal?.throwIfAborted();
      if (texts.length === 0) return [];
      const rows = await request(texts, task, signal);
      if (rows.length !== texts.length || rows.some((row) => row.length !== dimensions)) {
        throw new AppError(
          'embedding_unavailable',
          'The embedding model answered with vectors of another shape.',
        );
      }
      // Only the model's full size comes normalised; a shortened vector does not.
      return rows.map((row) => normalise(Float32Array.from(row)));
    },
    async close() {
      closing.abort();
    },
  };
}

/** Before the second try of a question, milliseconds; up to twice as long, so that callers do not come back together. */
const pauseMs = 100;

/** What a further try at once can mend: neither a refusal, nor the rate limit, nor a time that is spent. */
function isHiccup({ kind, status }: GeminiFault): boolean {
  return kind === 'unusable' || (kind === 'unavailable' && (status === undefined || status >= 500));
}

function closed(): AppError {
  return new AppError('embedding_unavailable', 'The embedding model is closed.');
}

function embedRequest(text: string, taskType: TaskType, outputDimensionality: number): EmbedContentRequest {
  // The SDK's type does not know outputDimensionality; it sends what it is given.
  const request: EmbedContentRequest & { outputDimensionality: number } = {
    content: { role: 'user', parts: [{ text }] },
    taskType,
    outputDimensionality,
  };
  return request;
}
