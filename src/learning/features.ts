import { type State, stateAt, stateCount } from './policy.ts';

/** One for all states, and one for each level of each part of a state. */
export const featureCount = 1 + 3 + 4 + 3 + 3;

/** The features that are 1 in a state; all others are 0. */
export function featuresOf({ complexity, intent, keyword, vector }: State): readonly number[] {
  return [0, 1 + complexity, 4 + intent, 8 + keyword, 11 + vector];
}

/** By `stateIndex`. */
export function featuresByState(): readonly (readonly number[])[] {
  return Array.from({ length: stateCount }, (_, index) => featuresOf(stateAt(index)));
}
