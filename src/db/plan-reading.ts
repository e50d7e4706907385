import { greatestImpact } from './impacts.ts';
import type { Bm25 } from './search-words.ts';

/** Postings of one word by impact class. */
export interface WordPostings {
  idf: number;
  impacts: readonly { impact: number; postings: number }[];
}

/** What is read of one word's postings, and the most that a posting left unread can score. */
export interface Reading {
  impacts: number[];
  unread: number;
}

interface Class {
  impact: number;
  postings: number;
  most: number;
}

/** The classes of each word, those first whose postings can score most. */
export function rankClasses(words: readonly WordPostings[], bm25: Bm25, averageLength: number): Class[][] {
  return words.map(({ idf, impacts }) =>
    impacts
      .map(({ impact, postings }) => ({
        impact,
        postings,
        most: roundUp(idf * greatestImpact(impact, bm25, averageLength)),
      }))
      .sort((a, b) => b.most - a.most),
  );
}

/**
 * The first guess: all of the rarer words while they are few, then the classes with the greatest scores of the others. What is
 * left unread is then worth little, and few chunks have to be looked up for it.
 */
export function readRareFirst(ranked: readonly Class[][], budget: number): Reading[] {
  const sizes = ranked.map((classes) => classes.reduce((sum, { postings }) => sum + postings, 0));
  const depths = ranked.map(() => 0);
  let left = budget;
  const common: number[] = [];
  for (const word of [...ranked.keys()].sort((a, b) => (sizes[a] as number) - (sizes[b] as number))) {
    if ((sizes[word] as number) > left) common.push(word);
    else {
      depths[word] = ranked[word]?.length ?? 0;
      left -= sizes[word] as number;
    }
  }
  const classes = common.flatMap((word) => (ranked[word] ?? []).map((one) => ({ ...one, word })));
  for (const { word, postings } of classes.sort((a, b) => b.most - a.most)) {
    if (postings > left) break;
    depths[word] = (depths[word] as number) + 1;
    left -= postings;
  }
  return ranked.map((all, word) => readTo(all, depths[word] as number));
}

/**
 * What was read and more, until a chunk of which nothing is read scores less than `threshold`: step by step the word and depth
 * by which that score falls most for a posting. Undefined when everything would have to be read.
 * MaxScore (Turtle & Flood 1995) with lists split by impact, as in Anh & Moffat, Pruned Query Evaluation (2006).
 */
export function readUntil(
  ranked: readonly Class[][],
  read: readonly Reading[],
  threshold: number,
): Reading[] | undefined {
  const depths = read.map(({ impacts }) => impacts.length);
  for (let bound = unreadBound(read); bound >= threshold; ) {
    const step = bestStep(ranked, depths, bound - threshold);
    if (!step) return undefined;
    depths[step.word] = step.depth;
    bound -= step.gain;
  }
  return ranked.map((classes, word) => readTo(classes, depths[word] as number));
}

/** The most that a chunk can score of which nothing was read. */
export function unreadBound(read: readonly Reading[]): number {
  return read.reduce((sum, { unread }) => sum + unread, 0);
}

/** The word and depth with the greatest gain a posting; of a gain only what is needed counts. */
function bestStep(ranked: readonly Class[][], depths: readonly number[], needed: number) {
  let best: { word: number; depth: number; gain: number; worth: number } | undefined;
  ranked.forEach((classes, word) => {
    const start = depths[word] as number;
    const before = classes[start]?.most ?? 0;
    let cost = 0;
    for (let depth = start; depth < classes.length; depth++) {
      cost += (classes[depth] as Class).postings;
      const gain = before - (classes[depth + 1]?.most ?? 0);
      const worth = Math.min(gain, needed + 1 / scoreUnits) / cost;
      if (gain > 0 && (!best || worth > best.worth)) best = { word, depth: depth + 1, gain, worth };
    }
  });
  return best;
}

function readTo(classes: readonly Class[], depth: number): Reading {
  return {
    impacts: classes.slice(0, depth).map(({ impact }) => impact),
    unread: classes[depth]?.most ?? 0,
  };
}

/** Scores are whole multiples of this: then their sums are exact in a double, in whatever order they are added. */
export const scoreUnits = 2 ** 36;

function roundUp(score: number): number {
  return (Math.ceil(score * scoreUnits) + 1) / scoreUnits;
}
