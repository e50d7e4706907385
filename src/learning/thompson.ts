import { seededRandom } from '../evaluation/random.ts';
import type { Belief } from './belief.ts';
import { createLinearPolicy, type LinearOptions } from './linear-policy.ts';
import { cholesky } from './matrix.ts';
import { actions, type Policy } from './policy.ts';

/** Standard deviations of the belief count times this: in finite time less exploration than the belief asks for pays. */
export const thompsonSpread = 0.4;

const drawCount = 512;

/**
 * Linear Thompson sampling (Agrawal & Goyal, ICML 2013): an action is taken with the probability that it is the best one, as
 * far as is known. That probability is computed, from the same draws for every state and always, held within what exploration
 * is allowed, and drawn from: so propensities are exact.
 */
export function createThompson(options: LinearOptions, spread = thompsonSpread): Policy {
  const draws = normalDraws(drawCount * actions.length, spread);
  return createLinearPolicy('thompson', (belief) => chancesOfBest(belief, draws), options);
}

/** How often each action is the best among the draws. */
function chancesOfBest({ means, covariances }: Belief, draws: Float64Array): Float64Array {
  const size = actions.length;
  const lower = cholesky(covariances, size);
  const wins = new Float64Array(size);
  for (let from = 0; from < draws.length; from += size) {
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < size; i++) {
      let value = means[i] as number;
      for (let k = 0; k <= i; k++) value += (lower[i * size + k] as number) * (draws[from + k] as number);
      if (value > most) {
        most = value;
        best = i;
      }
    }
    wins[best] = (wins[best] as number) + size / draws.length;
  }
  return wins;
}

/** Normal with mean 0, in pairs (Box & Muller 1958). */
function normalDraws(count: number, sd: number): Float64Array {
  const random = seededRandom(1);
  const draws = new Float64Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = sd * Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    draws[i] = radius * Math.cos(angle);
    draws[i + 1] = radius * Math.sin(angle);
  }
  return draws;
}
