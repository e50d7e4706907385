import { createHash, randomUUID } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Embedder, EmbeddingTask } from '../src/models/embedder.ts';

const keyBytes = 32;
const suffix = '.vectors';

/** `$XDG_CACHE_HOME/dt-rag/embeddings`, or the same under `~/.cache`. */
export function defaultCacheFolder(): string {
  const home = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(home, 'dt-rag', 'embeddings');
}

/**
 * The same embedder, remembering vectors in `folder/model`, so that a second measurement of the same texts needs no
 * inference. A vector is kept under the hash of model, task and text. Every process writes a file of its own and reads
 * all of them: two measurements at once can't damage each other's, and half a record at a file's end is left out.
 */
export async function cacheEmbeddings(embedder: Embedder, folder: string): Promise<Embedder> {
  const home = join(folder, embedder.model.replace(/[^\w@.-]/g, '_'));
  await mkdir(home, { recursive: true });
  const known = await readVectors(home, embedder.dimensions);
  const own = join(home, `${randomUUID()}${suffix}`);
  let written: Promise<void> = Promise.resolve();
  return {
    ...embedder,
    async embed(texts, options) {
      const keys = texts.map((text) => keyOf(embedder.model, options.task, text));
      const missing = keys.flatMap((key, i) => (known.has(key) ? [] : [i]));
      const made =
        missing.length === 0
          ? []
          : await embedder.embed(
              missing.map((i) => texts[i] as string),
              options,
            );
      for (const [n, i] of missing.entries()) known.set(keys[i] as string, made[n] as Float32Array);
      if (missing.length > 0) {
        const records = missing.map((i) => toRecord(keys[i] as string, known.get(keys[i] as string)));
        // One after the other: large appends at once could interleave.
        written = written.then(() => appendFile(own, Buffer.concat(records)));
        await written;
      }
      return keys.map((key) => known.get(key) as Float32Array);
    },
  };
}

function keyOf(model: string, task: EmbeddingTask, text: string): string {
  return createHash('sha256').update(`${model}\0${task}\0${text}`).digest('hex');
}

function toRecord(key: string, vector: Float32Array | undefined): Buffer {
  const { buffer, byteOffset, byteLength } = vector as Float32Array;
  return Buffer.concat([Buffer.from(key, 'hex'), Buffer.from(buffer, byteOffset, byteLength)]);
}

/** Every whole record of every file: the key, then the vector as float32 of this machine's byte order. */
async function readVectors(home: string, dimensions: number): Promise<Map<string, Float32Array>> {
  const size = keyBytes + 4 * dimensions;
  const known = new Map<string, Float32Array>();
  for (const name of (await readdir(home)).filter((file) => file.endsWith(suffix))) {
    const bytes = await readFile(join(home, name));
    for (let at = 0; at + size <= bytes.length; at += size) {
      const vector = new Float32Array(dimensions);
      Buffer.from(vector.buffer).set(bytes.subarray(at + keyBytes, at + size));
      known.set(bytes.toString('hex', at, at + keyBytes), vector);
    }
  }
  return known;
}
