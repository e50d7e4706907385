import { createHash } from 'node:crypto';
import { unit, type Vector } from './vectors.ts';

/** How often each index word stands in a document. */
export type WordCounts = ReadonlyMap<string, number>;

export interface DocumentText {
  words: WordCounts;
  /** Mean of its chunks' embeddings; null without any. */
  embedding: Float32Array | null;
  /** How far the embedding model can read it, 0…1. */
  readable: number;
}

/** Dimensions that words are hashed to: few enough to compare thousands, with few collisions that matter. */
const wordDimensions = 1024;
/** What an embedding counts beside words, where its model reads the text. */
const embeddingShare = 0.7;
/** A word must stand in so many documents to say anything of how they belong together. */
const fewestDocuments = 2;

/** Inverse document frequency over the given documents, ln(1 + N / df); words of a single one have none. */
export function idfOf(texts: readonly WordCounts[]): Map<string, number> {
  const holding = new Map<string, number>();
  for (const text of texts) for (const word of text.keys()) holding.set(word, (holding.get(word) ?? 0) + 1);
  return new Map(
    [...holding].flatMap(([word, df]) =>
      df < fewestDocuments ? [] : [[word, Math.log(1 + texts.length / df)] as const],
    ),
  );
}

/**
 * A document as one vector: its embedding beside its words by (1 + ln tf) · idf, hashed with signs to 1,024 dimensions
 * (Weinberger et al. 2009). So Korean, which the embedded model does not read, is compared by its words, and English by both.
 */
export function featuresOf(
  { words, embedding, readable }: DocumentText,
  idf: ReadonlyMap<string, number>,
  dimensions: number,
): Vector {
  const hashed = new Float32Array(wordDimensions);
  for (const [word, count] of words) {
    const rarity = idf.get(word);
    if (rarity === undefined) continue;
    const hash = createHash('md5').update(word).digest();
    const at = hash.readUInt16LE(0) % wordDimensions;
    const sign = (hash[2] as number) & 1 ? 1 : -1;
    hashed[at] = (hashed[at] as number) + sign * (1 + Math.log(count)) * rarity;
  }
  const share = embedding ? embeddingShare * readable : 0;
  const vector = new Float32Array(dimensions + wordDimensions);
  const scaled = (part: Float32Array, weight: number) => unit(part).map((x) => x * Math.sqrt(weight));
  if (embedding) vector.set(scaled(embedding, share));
  vector.set(scaled(hashed, 1 - share), dimensions);
  return unit(vector);
}

/** Words that tell some documents from others, the most telling first: by the share of each that holds them, and how rare they are. */
export function tellingWords(
  documents: readonly WordCounts[],
  others: readonly WordCounts[],
  idf: ReadonlyMap<string, number>,
  most: number,
): string[] {
  const [here, there] = [sharesOf(documents), sharesOf(others)];
  const gains = [...here].flatMap(([word, share]) => {
    const gain = (share - (there.get(word) ?? 0)) * (idf.get(word) ?? 0);
    return gain > 0 ? [{ word, gain }] : [];
  });
  gains.sort((a, b) => b.gain - a.gain || (a.word < b.word ? -1 : 1));
  return gains.slice(0, most).map(({ word }) => word);
}

function sharesOf(documents: readonly WordCounts[]): Map<string, number> {
  const shares = new Map<string, number>();
  for (const words of documents)
    for (const word of words.keys()) shares.set(word, (shares.get(word) ?? 0) + 1 / documents.length);
  return shares;
}
