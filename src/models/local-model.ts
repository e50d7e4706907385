import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Tokenizer } from '@huggingface/tokenizers';
import { AppError } from '../errors.ts';
import type { EmbeddingTask } from './embedder.ts';
import type { ModelFiles } from './model-files.ts';
import { feed, openSession } from './onnx.ts';
import { pool } from './pooling.ts';

export interface LocalModelSettings {
  files: ModelFiles;
  /** Longest input in wordpieces, special ones included; what is beyond is not read. */
  maxTokens: number;
  threads: number;
}

export interface LocalModel {
  dimensions: number;
  /** One L2-normalised vector a text, in order. Blocks the thread it is called on while it computes. */
  embed(texts: readonly string[], task: EmbeddingTask): Promise<Float32Array[]>;
  release(): Promise<void>;
}

/** Loads the model and runs it once, so that the first question finds it warm. Throws AppError `embedding_unavailable`. */
export async function openLocalModel({ files, maxTokens, threads }: LocalModelSettings): Promise<LocalModel> {
  await verify(files.checksums);
  const tokenizer = new Tokenizer(files.tokenizer, files.tokenizerConfig);
  const session = await openSession(files.onnx, threads);
  const cut = createCutter(tokenizer, maxTokens);

  async function embed(texts: readonly string[], task: EmbeddingTask): Promise<Float32Array[]> {
    const inputs = texts.map((text) => cut(files.prompts[task] + text));
    const rows = inputs.map((ids) => ({ ids }));
    const outputs = await session.run(feed(session, rows, 'embedding_unavailable'));
    const name = 'sentence_embedding' in outputs ? 'sentence_embedding' : session.outputNames[0];
    const output = outputs[name ?? ''];
    if (output?.type !== 'float32') {
      throw new AppError('embedding_unavailable', 'The model has no output of 32-bit floats.');
    }
    const counts = inputs.map((ids) => ids.length);
    return pool({ data: output.data as Float32Array, dims: output.dims }, counts, files.pooling);
  }

  const [first] = await embed(['warm'], 'query');
  return { dimensions: first?.length ?? 0, embed, release: () => session.release() };
}

/** Text → token ids of at most `maxTokens`, with the model's own marks around them whatever their number. */
function createCutter(tokenizer: Tokenizer, maxTokens: number): (text: string) => number[] {
  const bare = tokenizer.encode('a', { add_special_tokens: false }).ids;
  const marked = tokenizer.encode('a').ids;
  const start = marked.indexOf(bare[0] ?? -1);
  const before = marked.slice(0, start);
  const after = marked.slice(start + bare.length);
  const room = maxTokens - before.length - after.length;
  return (text) => {
    const { ids } = tokenizer.encode(text, { add_special_tokens: false });
    return [...before, ...ids.slice(0, room), ...after];
  };
}

async function verify(checksums: Record<string, string>): Promise<void> {
  for (const [file, expected] of Object.entries(checksums)) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    if (hash.digest('hex') !== expected) {
      throw new AppError(
        'embedding_unavailable',
        `The model file ${basename(file)} is not the one expected: its sha256 differs.`,
      );
    }
  }
}
