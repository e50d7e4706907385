import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Tokenizer } from '@huggingface/tokenizers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { AppError } from '../errors.ts';
import type { EmbeddingTask } from './embedder.ts';
import type { ModelFiles } from './model-files.ts';
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
  const session = await InferenceSession.create(files.onnx, {
    intraOpNumThreads: threads,
    // The memory arena stays on: without it malloc's fragmentation costs half as much again (320 MB instead of 205).
    // Waiting threads would otherwise spin and take the cores from everything else.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });

  const cut = createCutter(tokenizer, maxTokens);

  async function embed(texts: readonly string[], task: EmbeddingTask): Promise<Float32Array[]> {
    const inputs = texts.map((text) => cut(files.prompts[task] + text));
    const length = Math.max(...inputs.map((ids) => ids.length));
    const outputs = await session.run(feed(session, inputs, length));
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

/** Input tensors by the names the model asks for, padded on the right to `length`: [texts, length] each. */
function feed(session: InferenceSession, inputs: number[][], length: number): Record<string, Tensor> {
  const ids = new BigInt64Array(inputs.length * length);
  const mask = new BigInt64Array(inputs.length * length);
  for (const [row, input] of inputs.entries()) {
    for (const [column, id] of input.entries()) {
      ids[row * length + column] = BigInt(id);
      mask[row * length + column] = 1n;
    }
  }
  const known: Record<string, BigInt64Array> = {
    input_ids: ids,
    attention_mask: mask,
    token_type_ids: new BigInt64Array(ids.length),
    position_ids: BigInt64Array.from(ids, (_, i) => BigInt(i % length)),
  };
  const tensors: Record<string, Tensor> = {};
  for (const name of session.inputNames) {
    const data = known[name];
    if (!data) throw new AppError('embedding_unavailable', `The model asks for an input "${name}".`);
    tensors[name] = new Tensor('int64', data, [inputs.length, length]);
  }
  return tensors;
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
