import type { Bm25 } from './search-words.ts';

/** First values of the steps that frequencies and lengths are sorted into. The generated column `postings.impact` has the same. */
const frequencySteps = [2, 3, 4, 6, 8, 12];
const lengthSteps = [8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048];
const classesPerFrequency = 16;

/** How many steps of length there are; a chunk is of one, and so are all of its postings. */
export const lengthStepsInAll = lengthSteps.length + 1;

export function lengthStepOf(impact: number): number {
  return impact % classesPerFrequency;
}

/** The class of postings of such a frequency in chunks of such a length. */
export function impactOf(frequency: number, wordCount: number): number {
  const step = (steps: readonly number[], value: number) => steps.filter((first) => first <= value).length;
  return classesPerFrequency * step(frequencySteps, frequency) + step(lengthSteps, wordCount);
}

/**
 * The most that a posting of the class can score for a word of idf 1: the score at the greatest frequency and the smallest
 * length of the class, since BM25 grows with the one and falls with the other.
 */
export function greatestImpact(impact: number, { k1, b }: Bm25, averageLength: number): number {
  const frequency =
    (frequencySteps[Math.floor(impact / classesPerFrequency)] ?? Number.POSITIVE_INFINITY) - 1;
  const length = lengthSteps[lengthStepOf(impact) - 1] ?? 1;
  const norm = k1 * (1 - b + (b * length) / averageLength);
  // k1 = 0 asks whether the word is there, not how often: then the norm is 0 and the score is 1.
  return frequency === Number.POSITIVE_INFINITY ? k1 + 1 : ((k1 + 1) * frequency) / (frequency + norm);
}
