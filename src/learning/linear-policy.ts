import type { Belief } from './belief.ts';
import { type CellsSnapshot, createCells } from './cells.ts';
import { type Effects, type EffectsPrior, fitEffects } from './effects.ts';
import { boundExploration, choose, type Exploration, largest } from './exploration.ts';
import { type Policy, stateIndex } from './policy.ts';

/** Chosen on simulated states (docs/learning.md). */
export const effectsPrior: EffectsPrior = {
  base: { mean: 0.5, sd: 0.5, levelSd: 0.1 },
  action: { mean: -0.01, sd: 0.08, levelSd: 0.08 },
  stateSd: 0.03,
  noise: { sd: 0.2, weight: 20 },
};

export interface LinearOptions {
  exploration: Exploration;
  cells?: CellsSnapshot | undefined;
  /** The belief that decisions are made with; `effectsPrior` when left out. */
  prior?: EffectsPrior;
}

/**
 * A policy that keeps sums by state and action, believes in linear effects, and wants probabilities that depend on the belief
 * in a state alone. The belief is worked out anew when it is asked for after an update, the probabilities once a state.
 */
export function createLinearPolicy(
  name: 'thompson' | 'linucb',
  wanted: (belief: Belief) => ArrayLike<number>,
  { exploration, cells: snapshot, prior = effectsPrior }: LinearOptions,
): Policy {
  const cells = createCells(snapshot);
  const known = new Map<number, { probabilities: number[]; best: number }>();
  let effects: Effects | undefined;
  const at = (state: number) => {
    const found = known.get(state);
    if (found) return found;
    effects ??= fitEffects(cells, prior);
    const belief = effects.belief(state);
    const best = largest(belief.means);
    const probabilities = boundExploration(wanted(belief), best, cells.total(), exploration);
    known.set(state, { best, probabilities });
    return { best, probabilities };
  };
  return {
    name,
    probabilities: (state) => [...at(stateIndex(state)).probabilities],
    decide: (state, draw) => {
      const { probabilities, best } = at(stateIndex(state));
      return choose(probabilities, best, draw);
    },
    update(batch) {
      cells.add(batch);
      effects = undefined;
      known.clear();
    },
    toJSON: () => ({ version: 1, policy: name, cells: cells.toJSON() }),
  };
}
