import type { Embedder } from './embedder.ts';

/**
 * The embedder with one question's vector known already, or to be noted when it is made, once: what the cache of query embeddings
 * puts between search and the model. `onUse` is told of each use.
 */
export function withQueryVector(
  embedder: Embedder,
  question: string,
  known: Float32Array | undefined,
  onUse: (vector: Float32Array, wasKnown: boolean) => void,
): Embedder {
  let vector = known;
  return {
    ...embedder,
    embed: async (texts, options) => {
      const [text] = texts;
      if (options.task !== 'query' || texts.length !== 1 || text !== question)
        return embedder.embed(texts, options);
      const wasKnown = vector !== undefined;
      const vectors = vector ? [vector] : await embedder.embed(texts, options);
      [vector] = vectors;
      if (vector) onUse(vector, wasKnown);
      return vectors;
    },
  };
}

/** As text for the cache: base64 of the 32-bit floats, little-endian on every machine that this runs on. */
export function packVector(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}

export function unpackVector(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
