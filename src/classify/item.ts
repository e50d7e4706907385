import { analyze } from '../retrieval/analyze.ts';

/** A text as the classifier sees it. */
export interface Item {
  /** L2-normalised embedding; null where there is none. */
  vector: Float32Array | null;
  /** How far the embedding model can read the text, 0…1: its opinion counts that much. */
  readable: number;
  /** Index words with their frequencies. */
  words: ReadonlyMap<string, number>;
}

/** Longest vectors that are learned from. Models with longer ones put what matters most in front (Kusupati et al. 2022). */
const mostDimensions = 512;

export function toItem(text: string, vector: Float32Array | null, readable: number): Item {
  return { vector: vector && shorten(vector), readable: vector ? readable : 0, words: countOf(text) };
}

export function countOf(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of analyze(text).words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** At most `mostDimensions` numbers, again of length 1. */
export function shorten(vector: Float32Array): Float32Array {
  return unit(vector.slice(0, mostDimensions));
}

/** Scales in place to length 1; a vector of nothing stays. */
export function unit(vector: Float32Array): Float32Array {
  let square = 0;
  for (const x of vector) square += x * x;
  const length = Math.sqrt(square);
  if (length > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
  return vector;
}

/** One item of several: the chunks of a document. Vectors are averaged by their items' readability, words are counted together. */
export function joinItems(items: readonly Item[]): Item {
  const [first] = items;
  if (first && items.length === 1) return first;
  const words = new Map<string, number>();
  let sum: Float32Array | null = null;
  let readable = 0;
  for (const item of items) {
    for (const [word, count] of item.words) words.set(word, (words.get(word) ?? 0) + count);
    if (!item.vector) continue;
    sum ??= new Float32Array(item.vector.length);
    readable += item.readable;
    // What can't be read counts next to nothing, but not nothing: a text that can't be read at all has a vector, too.
    const weight = Math.max(item.readable, 1e-3);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (item.vector[i] as number);
  }
  return { vector: sum && unit(sum), readable: sum ? readable / items.length : 0, words };
}

const longestTitle = 200;

/**
 * A text as a model is shown it: whole, and where its first line looks like a title, title and body by themselves as well. The mean
 * of the three says more of the subject than the first alone, which a long body or a catchy title sways.
 */
export function viewsOf(text: string): string[] {
  const end = text.indexOf('\n');
  const [title, body] = [text.slice(0, end).trim(), text.slice(end + 1).trim()];
  return end < 0 || title === '' || body === '' || title.length > longestTitle ? [text] : [text, title, body];
}

/** The mean direction of vectors. */
export function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (vector[i] as number);
  return unit(sum);
}
