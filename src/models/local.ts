import { availableParallelism } from 'node:os';
import { Tokenizer } from '@huggingface/tokenizers';
import { AppError } from '../errors.ts';
import { createBatching } from './batching.ts';
import type { Embedder, EmbeddingTask } from './embedder.ts';
import type { LocalModelSettings } from './local-model.ts';
import { findModel } from './model-files.ts';
import { type ModelThread, startModelThread } from './model-thread.ts';
import { createReadability } from './readability.ts';

const maxBatch = 50;
// Larger inner batches are no faster on a CPU, need more memory, and make a question wait longer.
const innerBatch = 4;

export interface LocalEmbedderOptions {
  /** A sentence-transformer in ONNX form (see findModel); the English model that comes with the service when left out. */
  folder?: string;
  /** CPU threads of one inference; all cores, four at most, when left out. */
  threads?: number;
  /** Longest text in wordpieces; what is beyond is not read. */
  maxTokens?: number;
}

/**
 * Opens a local embedding model on a thread of its own, loaded and warm. A thread that dies fails the calls it was
 * working on; the next call starts another one. Throws AppError `embedding_unavailable`.
 */
export async function openLocalEmbedder({
  folder,
  threads = Math.min(4, availableParallelism()),
  maxTokens = 256,
}: LocalEmbedderOptions = {}): Promise<Embedder> {
  const files = await findModel(folder);
  const start = () => startEmbeddingThread({ files, maxTokens, threads });
  let thread = await start();
  const { dimensions } = thread.ready;

  async function run(texts: string[], task: EmbeddingTask): Promise<Float32Array[]> {
    if (!thread.isAlive()) thread = await start();
    return thread.run({ texts, task });
  }

  const batching = createBatching(innerBatch, run);

  return {
    model: `${files.name}@${dimensions}`,
    dimensions,
    maxBatch,
    reads: createReadability(new Tokenizer(files.tokenizer, files.tokenizerConfig)),
    async embed(texts, { task, signal }) {
      if (texts.length > maxBatch)
        throw new RangeError(`At most ${maxBatch} texts a call, not ${texts.length}.`);
      return batching.embed(texts, task, signal);
    },
    async close() {
      await batching.close();
      await thread.close();
    },
  };
}

type EmbeddingThread = ModelThread<
  { texts: string[]; task: EmbeddingTask },
  Float32Array[],
  { dimensions: number }
>;

function startEmbeddingThread(settings: LocalModelSettings): Promise<EmbeddingThread> {
  return startModelThread({
    ...{ name: './local-thread', from: import.meta.url, settings },
    failure: (detail, cause) =>
      new AppError('embedding_unavailable', detail ?? 'The embedding model has failed.', { cause }),
  });
}
