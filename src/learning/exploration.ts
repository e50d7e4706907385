import { actions, type Decision } from './policy.ts';

/** How much of the traffic may try what does not look best. */
export interface Exploration {
  /** This share of decisions is spread evenly over all actions: every action keeps a known probability, for off-policy estimates. */
  floor: number;
  /** At most this share of decisions, the floor among them, takes another action than the one that looks best. */
  cap: number;
  /** So many experiences open the cap fully; before, it opens in proportion to them. */
  warmUp: number;
}

/** Chosen on simulated states (docs/learning.md): a lower cap is safer at first and learns later. */
export const defaultExploration: Exploration = { floor: 0.005, cap: 0.8, warmUp: 100 };

/** Throws RangeError with a sentence that says what is possible. */
export function checkExploration({ floor, cap, warmUp }: Exploration): Exploration {
  if (!(floor > 0 && floor <= cap && cap <= 1))
    throw new RangeError(`Exploration needs 0 < floor ≤ cap ≤ 1, not ${floor} and ${cap}.`);
  if (!(warmUp >= 0)) throw new RangeError(`warmUp has to be 0 or more, not ${warmUp}.`);
  return { floor, cap, warmUp };
}

/**
 * The probabilities that a policy would like, held within what is allowed: those of all actions but `best` are reduced in
 * proportion, then the floor is mixed in. They sum to 1, none is below floor / 6.
 */
export function boundExploration(
  wanted: ArrayLike<number>,
  best: number,
  experiences: number,
  { floor, cap, warmUp }: Exploration,
): number[] {
  const others = 1 - (wanted[best] as number);
  const even = floor / actions.length;
  const open = warmUp === 0 ? 1 : Math.min(1, experiences / warmUp);
  const room = Math.max(0, (cap * open - even * (actions.length - 1)) / (1 - floor));
  const scale = others > room ? room / others : 1;
  const bounded = actions.map((_, i) =>
    i === best ? 0 : (1 - floor) * scale * Math.max(0, wanted[i] as number) + even,
  );
  bounded[best] = 1 - bounded.reduce((sum, value) => sum + value, 0);
  return bounded;
}

/** Draws once. What the probabilities leave out by rounding goes to the last action that has one. */
export function choose(probabilities: readonly number[], best: number, draw: () => number): Decision {
  let left = draw();
  let chosen = best;
  for (const [i, probability] of probabilities.entries()) {
    if (probability <= 0) continue;
    chosen = i;
    left -= probability;
    if (left < 0) break;
  }
  return {
    action: actions[chosen] as Decision['action'],
    propensity: probabilities[chosen] as number,
    explored: chosen !== best,
  };
}

/** Index of the largest value; the first of equals. */
export function largest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
