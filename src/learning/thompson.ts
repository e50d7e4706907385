import { seededRandom } from '../evaluation/random.ts';
import { type CellsSnapshot, createCells } from './cells.ts';
import { type Belief, type Effects, type EffectsPrior, fitEffects } from './effects.ts';
import { boundExploration, choose, type Exploration, largest } from './exploration.ts';
import { cholesky } from './matrix.ts';
import { actions, type Policy, stateIndex } from './policy.ts';

/** Chosen on simulated states (docs/learning.md). */
export const thompsonPrior: EffectsPrior = {
  base: { mean: 0.5, sd: 0.5, levelSd: 0.1 },
  action: { mean: -0.01, sd: 0.05, levelSd: 0.04 },
  stateSd: 0.01,
  noise: { sd: 0.2, weight: 20 },
};

const drawCount = 1024;

/**
 * Linear Thompson sampling (Agrawal & Goyal, ICML 2013): an action is taken with the probability that it is the best one, as
 * far as is known. That probability is computed, from the same draws for every state and always, bounded by what exploration
 * is allowed, and drawn from: so propensities are exact.
 */
export function createThompson(
  exploration: Exploration,
  snapshot: CellsSnapshot = [],
  prior: EffectsPrior = thompsonPrior,
): Policy {
  const cells = createCells(snapshot);
  const draws = normalDraws(drawCount * actions.length);
  const known = new Map<number, { probabilities: number[]; best: number }>();
  let effects: Effects | undefined;
  const at = (state: number) => {
    effects ??= fitEffects(cells, prior);
    let found = known.get(state);
    if (!found) {
      const belief = effects.belief(state);
      const best = largest(belief.means);
      const wanted = chancesOfBest(belief, draws);
      found = { best, probabilities: boundExploration(wanted, best, cells.total(), exploration) };
      known.set(state, found);
    }
    return found;
  };
  return {
    name: 'thompson',
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
    toJSON: () => ({ version: 1, policy: 'thompson', cells: cells.toJSON() }),
  };
}

/** How often each action is the best among the draws. */
function chancesOfBest({ means, covariances }: Belief, draws: Float64Array): Float64Array {
  const size = actions.length;
  const lower = cholesky(covariances, size);
  const wins = new Float64Array(size);
  const rounds = draws.length / size;
  for (let round = 0; round < rounds; round++) {
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < size; i++) {
      let value = means[i] as number;
      for (let k = 0; k <= i; k++)
        value += (lower[i * size + k] as number) * (draws[round * size + k] as number);
      if (value > most) {
        most = value;
        best = i;
      }
    }
    wins[best] = (wins[best] as number) + 1 / rounds;
  }
  return wins;
}

/** Standard normal, in pairs (Box & Muller 1958). */
function normalDraws(count: number): Float64Array {
  const random = seededRandom(1);
  const draws = new Float64Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    draws[i] = radius * Math.cos(angle);
    draws[i + 1] = radius * Math.sin(angle);
  }
  return draws;
}
