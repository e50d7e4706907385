import { greatestImpact, lengthStepOf, lengthStepsInAll } from './impacts.ts';
import type { Bm25 } from './search-words.ts';

/** Postings of one word by impact class. */
export interface WordPostings {
  idf: number;
  impacts: readonly { impact: number; postings: number }[];
}

/** What is read of one word's postings, and the most that one left unread can score in a chunk of each length step. */
export interface Reading {
  impacts: number[];
  unread: number[];
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
  const sizes = ranked.map(sizeOf);
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
  return ranked.map((all, word) => toReading(all, all.slice(0, depths[word] as number)));
}

/**
 * What has to be read for a chunk of which nothing is read to score less than `threshold`. A chunk has one length, so each length
 * step is a question of its own: of long chunks, in which a word counts for little, often nothing is read. Within a step it
 * goes class by class, those first by which the most that is unread falls most for a posting.
 * MaxScore (Turtle & Flood 1995) with lists split by impact, as in Anh & Moffat, Pruned Query Evaluation (2006).
 */
export function readUntil(ranked: readonly Class[][], threshold: number): Reading[] {
  const read: Class[][] = ranked.map(() => []);
  for (let length = 0; length < lengthStepsInAll; length++) {
    const classes = ranked.map((all) => all.filter(({ impact }) => lengthStepOf(impact) === length));
    const depths = depthsBelow(classes, threshold);
    classes.forEach((all, word) => void read[word]?.push(...all.slice(0, depths[word])));
  }
  return ranked.map((all, word) => toReading(all, read[word] as Class[]));
}

/** How many classes of each word to read so that what is unread of all words is less than `threshold`. */
function depthsBelow(classes: readonly Class[][], threshold: number): number[] {
  const depths = classes.map(() => 0);
  const unread = () => classes.reduce((sum, all, word) => sum + (all[depths[word] as number]?.most ?? 0), 0);
  for (let bound = unread(); bound > 0 && bound >= threshold; bound = unread()) {
    const step = bestStep(classes, depths, bound - threshold);
    if (!step) break;
    depths[step.word] = step.depth;
  }
  return depths;
}

/** The most that a chunk can score of which nothing was read. */
export function unreadBound(read: readonly Reading[]): number {
  return Math.max(...unreadByLength(read));
}

/** The same for each length step. */
export function unreadByLength(read: readonly Reading[]): number[] {
  return lengthSteps.map((_, length) =>
    read.reduce((sum, { unread }) => sum + (unread[length] as number), 0),
  );
}

/** Postings that a reading goes through. */
export function postingsRead(ranked: readonly Class[][], read: readonly Reading[]): number {
  return ranked.reduce((sum, classes, word) => {
    const impacts = new Set(read[word]?.impacts);
    return sum + sizeOf(classes.filter(({ impact }) => impacts.has(impact)));
  }, 0);
}

/** The word and depth with the greatest gain a posting; of a gain only what is needed counts. */
function bestStep(ranked: readonly Class[][], depths: readonly number[], needed: number) {
  let best: { word: number; depth: number; worth: number } | undefined;
  ranked.forEach((classes, word) => {
    const start = depths[word] as number;
    const before = classes[start]?.most ?? 0;
    let cost = 0;
    for (let depth = start; depth < classes.length; depth++) {
      cost += (classes[depth] as Class).postings;
      const gain = before - (classes[depth + 1]?.most ?? 0);
      const worth = Math.min(gain, needed + 1 / scoreUnits) / cost;
      if (gain > 0 && (!best || worth > best.worth)) best = { word, depth: depth + 1, worth };
    }
  });
  return best;
}

const lengthSteps: readonly number[] = Array.from({ length: lengthStepsInAll }, (_, step) => step);

function toReading(classes: readonly Class[], read: readonly Class[]): Reading {
  const impacts = read.map(({ impact }) => impact);
  const done = new Set(impacts);
  const unread = lengthSteps.map(() => 0);
  for (const { impact, most } of classes) {
    const length = lengthStepOf(impact);
    if (!done.has(impact)) unread[length] = Math.max(unread[length] as number, most);
  }
  return { impacts, unread };
}

function sizeOf(classes: readonly Class[]): number {
  return classes.reduce((sum, { postings }) => sum + postings, 0);
}

/** Scores are whole multiples of this: then their sums are exact in a double, in whatever order they are added. */
export const scoreUnits = 2 ** 36;

function roundUp(score: number): number {
  return (Math.ceil(score * scoreUnits) + 1) / scoreUnits;
}
