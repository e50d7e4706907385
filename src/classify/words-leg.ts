import type { Item } from './item.ts';
import type { Leg, Taught } from './meaning-leg.ts';

/** Words of an item by number, weighted and of length 1. */
export interface WordVector {
  ids: Int32Array;
  weights: Float64Array;
}

export interface Vocabulary {
  words: string[];
  /** Without the words of texts that nothing was learned from. */
  vectorOf: (item: Item) => WordVector;
}

/** More words than this are not learned from; the rarest go first. */
const mostWords = 30_000;
/** And no more than this of words times classes: they are held in memory. */
const mostCells = 4_000_000;
/** Pseudo-count that draws every class towards all texts, as a share of what a class has on average. */
const smoothingShare = 1;

/** The words of the items that are learned from. Weights: (1 + log frequency) · √idf, of length 1 whatever the text's length. */
export function buildVocabulary(items: readonly Item[], classes: number): Vocabulary {
  const most = Math.min(mostWords, Math.floor(mostCells / classes));
  const held = new Map<string, number>();
  for (const { words } of items) for (const word of words.keys()) held.set(word, (held.get(word) ?? 0) + 1);
  const kept = [...held];
  // By the word where counts agree: what is learned must not depend on the order of texts.
  if (kept.length > most) kept.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const words = kept.slice(0, most);
  const ids = new Map(words.map(([word], id) => [word, id]));
  const idf = Float64Array.from(words, ([, count]) => Math.sqrt(Math.log(1 + items.length / (count + 1))));
  const known = new WeakMap<Item, WordVector>();
  const vectorOf = (item: Item) => {
    const vector = known.get(item) ?? weigh(item, ids, idf);
    known.set(item, vector);
    return vector;
  };
  return { words: words.map(([word]) => word), vectorOf };
}

function weigh(item: Item, ids: ReadonlyMap<string, number>, idf: Float64Array): WordVector {
  const found: [number, number][] = [];
  let square = 0;
  for (const [word, count] of item.words) {
    const id = ids.get(word);
    if (id === undefined) continue;
    const weight = Math.log1p(count) * (idf[id] as number);
    square += weight * weight;
    found.push([id, weight]);
  }
  const length = Math.sqrt(square) || 1;
  return {
    ids: Int32Array.from(found, ([id]) => id),
    weights: Float64Array.from(found, ([, weight]) => weight / length),
  };
}

/** What the words leg learned. */
export interface WordsLeg {
  score: Leg;
  /** What single words of a text say for a class rather than for all, strongest first. */
  strongest: (item: Item, of: number, limit: number) => { word: string; weight: number }[];
}

/**
 * Multinomial naive Bayes over weighted words (Rennie et al. 2003, steps for length and frequency), each class drawn towards
 * all texts: a score is the mean log ratio of a word's share in the class and in all.
 */
export function wordsLeg(vocabulary: Vocabulary, taught: readonly Taught[], classes: number): WordsLeg {
  const size = vocabulary.words.length;
  const counts = new Float64Array(size * classes);
  const all = new Float64Array(size);
  const totals = new Float64Array(classes);
  for (const { item, shares, weight } of taught) {
    const { ids, weights } = vocabulary.vectorOf(item);
    for (let n = 0; n < ids.length; n++) {
      const id = ids[n] as number;
      const amount = weight * (weights[n] as number);
      all[id] = (all[id] as number) + amount;
      for (let k = 0; k < classes; k++) {
        const share = amount * (shares[k] as number);
        counts[id * classes + k] = (counts[id * classes + k] as number) + share;
        totals[k] = (totals[k] as number) + share;
      }
    }
  }
  toLogRatios(counts, all, totals);
  const score: Leg = (item) => {
    const scores = new Float64Array(classes);
    const { ids, weights } = vocabulary.vectorOf(item);
    for (let n = 0; n < ids.length; n++) {
      const row = (ids[n] as number) * classes;
      for (let k = 0; k < classes; k++)
        scores[k] = (scores[k] as number) + (weights[n] as number) * (counts[row + k] as number);
    }
    return scores;
  };
  return { score, strongest: strongestOf(vocabulary, counts, classes) };
}

/** Counts become log ratios, in place. */
function toLogRatios(counts: Float64Array, all: Float64Array, totals: Float64Array): void {
  const classes = totals.length;
  const sum = all.reduce((a, b) => a + b, 0) || 1;
  const smoothing = (smoothingShare * sum) / classes;
  for (let id = 0; id < all.length; id++) {
    const background = (all[id] as number) / sum;
    for (let k = 0; k < classes; k++) {
      const at = id * classes + k;
      if (background === 0) counts[at] = 0;
      else {
        const share = ((counts[at] as number) + smoothing * background) / ((totals[k] as number) + smoothing);
        counts[at] = Math.log(share / background);
      }
    }
  }
}

function strongestOf(vocabulary: Vocabulary, ratios: Float64Array, classes: number): WordsLeg['strongest'] {
  return (item, of, limit) => {
    const { ids, weights } = vocabulary.vectorOf(item);
    const said = Array.from(ids, (id, n) => ({
      word: vocabulary.words[id] as string,
      weight: (weights[n] as number) * (ratios[id * classes + of] as number),
    }));
    return said
      .filter(({ weight }) => weight > 0)
      .sort((a, b) => b.weight - a.weight)
      .slice(0, limit);
  };
}
