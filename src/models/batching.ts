import { AppError } from '../errors.ts';
import type { EmbeddingTask } from './embedder.ts';

interface Call {
  vectors: Float32Array[];
  left: number;
  settled: boolean;
  finish(error?: unknown): void;
}

interface Item {
  text: string;
  n: number;
  call: Call;
}

export interface Batching {
  embed(texts: readonly string[], task: EmbeddingTask, signal?: AbortSignal): Promise<Float32Array[]>;
  /** Rejects what waits and what comes later; resolves when the batch under way has ended. */
  close(): Promise<void>;
}

/**
 * Cuts calls into batches of at most `size` texts for `run`, one batch at a time. Waiting queries go before waiting
 * passages, so a question waits for one batch at most, never for a whole document. Texts of like length share a batch,
 * because a batch costs as much as its longest text times its size. When `run` fails, only the calls with a text in
 * that batch reject.
 */
export function createBatching(
  size: number,
  run: (texts: string[], task: EmbeddingTask) => Promise<Float32Array[]>,
): Batching {
  const waiting: Record<EmbeddingTask, Item[]> = { query: [], passage: [] };
  let running: Promise<void> | undefined;
  let closed = false;

  function take(task: EmbeddingTask): Item[] {
    waiting[task] = waiting[task].filter((item) => !item.call.settled);
    return waiting[task].splice(0, size);
  }

  async function runBatch(batch: Item[], task: EmbeddingTask): Promise<void> {
    try {
      const vectors = await run(
        batch.map((item) => item.text),
        task,
      );
      for (const [i, { call, n }] of batch.entries()) {
        call.vectors[n] = vectors[i] as Float32Array;
        if (--call.left === 0) call.finish();
      }
    } catch (error) {
      for (const { call } of batch) call.finish(error);
    }
  }

  async function runAll(): Promise<void> {
    for (;;) {
      const queries = take('query');
      const batch = queries.length > 0 ? queries : take('passage');
      if (batch.length === 0) break;
      await runBatch(batch, queries.length > 0 ? 'query' : 'passage');
    }
    running = undefined;
  }

  function embed(texts: readonly string[], task: EmbeddingTask, signal?: AbortSignal) {
    if (closed)
      return Promise.reject(new AppError('embedding_unavailable', 'The embedding model is closed.'));
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (texts.length === 0) return Promise.resolve([]);
    return new Promise<Float32Array[]>((resolve, reject) => {
      const call = openCall(texts.length, resolve, reject, signal);
      const items = texts.map((text, n) => ({ text, n, call }));
      waiting[task].push(...items.sort((a, b) => a.text.length - b.text.length));
      running ??= runAll();
    });
  }

  async function close(): Promise<void> {
    closed = true;
    const left = [...waiting.query, ...waiting.passage];
    for (const { call } of left) {
      call.finish(new AppError('embedding_unavailable', 'The embedding model was closed.'));
    }
    await running;
  }

  return { embed, close };
}

function openCall(
  texts: number,
  resolve: (vectors: Float32Array[]) => void,
  reject: (reason: unknown) => void,
  signal: AbortSignal | undefined,
): Call {
  const onAbort = () => call.finish(signal?.reason);
  const call: Call = {
    vectors: [],
    left: texts,
    settled: false,
    finish(error) {
      if (call.settled) return;
      call.settled = true;
      signal?.removeEventListener('abort', onAbort);
      if (call.left === 0) resolve(call.vectors);
      else reject(error);
    },
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return call;
}
