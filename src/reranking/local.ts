import { availableParallelism } from 'node:os';
import { AppError } from '../errors.ts';
import { findModel, type ModelFiles } from '../models/model-files.ts';
import { type ModelThread, startModelThread } from '../models/model-thread.ts';
import type { CrossEncoderSettings } from './cross-encoder.ts';
import type { Reranker } from './reranker.ts';

const maxPassages = 100;
// As with embeddings: larger batches are no faster on a CPU and make other questions wait longer.
const innerBatch = 4;

export interface LocalRerankerOptions {
  /** A cross-encoder in ONNX form: `model*.onnx` (there or in `onnx/`) and `tokenizer.json`. */
  folder: string;
  /** CPU threads of one inference; all cores, four at most, when left out. */
  threads?: number;
  /** Longest question and passage together, in tokens. */
  maxTokens?: number;
}

/**
 * Opens a local cross-encoder on a thread of its own, loaded and warm. Questions take turns by batches of passages. A thread
 * that dies fails the calls it was working on; the next call starts another one. Throws AppError `reranker_unavailable`.
 */
export async function openLocalReranker({
  folder,
  threads = Math.min(4, availableParallelism()),
  maxTokens = 512,
}: LocalRerankerOptions): Promise<Reranker> {
  const files = await findFiles(folder);
  const start = () => startRerankingThread({ files, maxTokens, threads });
  let thread = await start();
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;

  async function run(question: string, passages: string[], signal: AbortSignal | undefined) {
    if (closed) throw new AppError('reranker_unavailable', 'The reranker is closed.');
    signal?.throwIfAborted();
    if (!thread.isAlive()) thread = await start();
    return thread.run({ question, passages });
  }
  /** The thread takes one batch at a time; who is aborted while waiting for a turn costs nothing. */
  function inTurn(question: string, passages: string[], signal: AbortSignal | undefined): Promise<number[]> {
    const result = turn.then(() => run(question, passages, signal));
    turn = result.catch(() => undefined);
    return result;
  }

  return {
    model: files.name,
    maxPassages,
    async score(question, passages, { signal }) {
      if (passages.length > maxPassages)
        throw new RangeError(`At most ${maxPassages} passages a call, not ${passages.length}.`);
      signal?.throwIfAborted();
      const scores: number[] = [];
      // Texts of like length share a batch: it costs as much as its longest one times its size.
      const order = passages.map((_, i) => i).sort((a, b) => lengthOf(passages[a]) - lengthOf(passages[b]));
      for (let at = 0; at < order.length; at += innerBatch) {
        const batch = order.slice(at, at + innerBatch);
        const texts = batch.map((i) => passages[i] as string);
        const found = await unlessAborted(inTurn(question, texts, signal), signal);
        for (const [n, i] of batch.entries()) scores[i] = found[n] as number;
      }
      return scores;
    },
    async close() {
      closed = true;
      await turn;
      await thread.close();
    },
  };
}

const lengthOf = (text: string | undefined) => text?.length ?? 0;

async function findFiles(folder: string): Promise<ModelFiles> {
  try {
    return await findModel(folder);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('reranker_unavailable', `RERANKER_MODEL_DIR: ${error.message}`, { cause: error });
  }
}

/** Rejects with the abort reason at once, though a batch under way goes on to its end. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function startRerankingThread(
  settings: CrossEncoderSettings,
): Promise<ModelThread<{ question: string; passages: string[] }, number[], null>> {
  return startModelThread({
    ...{ name: './cross-encoder-thread', from: import.meta.url, settings },
    failure: (detail, cause) =>
      new AppError('reranker_unavailable', detail ?? 'The reranker has failed.', { cause }),
  });
}
