import type { Action, Depth, RetrievalArm } from '../learning/policy.ts';
import { type Levels, levelsOf } from '../learning/state.ts';
import { leastReadable } from './by-meaning.ts';
import { fuseLegs, type Legs, searchBoth } from './hybrid.ts';
import { absolute, type Found, type Search } from './strategy.ts';
import { searchWider } from './wider.ts';

/** Who decides, once both legs were searched, what is made of them. */
export type Decide = (levels: Levels) => Action;

/** How much more meaning weighs in the arm that leans on it: docs/learning-loop.md. */
const heavier = 2;

/**
 * Hybrid search whose fusion and depth are decided by what either leg found alone. Words alone (no vector leg): every arm is
 * keyword search, and the depth is decided all the same.
 */
export async function decided(search: Search, decide: Decide): Promise<Found> {
  const both = await searchBoth(search);
  const action = decide(
    levelsOf(both.legs ? legEvidence(search, both.legs) : wordEvidence(search, both.words)),
  );
  const [arm, depth] = action.split(':') as [RetrievalArm, Depth];
  const make = (one: Search, { legs, words }: Awaited<ReturnType<typeof searchBoth>>) =>
    legs ? fuseBy(arm, legs, one.greatestScore) : words;
  const first = make(search, both);
  const noted = { ...first, notes: [...first.notes, `Decided: ${action}.`] };
  if (depth === 'direct') return noted;
  return searchWider(search, noted, async (variant) => make(variant, await searchBoth(variant)));
}

function fuseBy(arm: RetrievalArm, legs: Legs, greatestScore: number): Found {
  if (arm === 'hybrid') return fuseLegs(legs, greatestScore);
  if (arm === 'vector_heavy') return fuseLegs({ ...legs, weight: legs.weight * heavier }, greatestScore);
  // What holds none of the words is found by meaning alone: not here, unless there is nothing else.
  const held = legs.evidences.filter(({ keyword }) => keyword !== null);
  const evidences = held.length > 0 ? held : legs.evidences;
  return fuseLegs({ ...legs, evidences, weight: held.length > 0 ? 0 : legs.weight }, greatestScore);
}

function legEvidence({ greatestScore, readable }: Search, { evidences }: Legs) {
  const keywords = evidences.map(({ keyword }) => absolute(keyword, greatestScore));
  const vectors = evidences.flatMap(({ vector }) => vector ?? []);
  const compared = readable >= leastReadable && vectors.length > 0;
  return { keyword: Math.max(0, ...keywords), vector: compared ? Math.max(0, ...vectors) : null };
}

function wordEvidence({ greatestScore }: Search, { candidates }: Found) {
  const keywords = candidates.map(({ keyword }) => absolute(keyword, greatestScore));
  return { keyword: Math.max(0, ...keywords), vector: null };
}
