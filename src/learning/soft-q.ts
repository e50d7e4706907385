import { z } from 'zod';
import { boundReward, cellOf, checkRewards } from './cells.ts';
import { boundExploration, choose, type Exploration } from './exploration.ts';
import { actionIndex, actions, fixedAction, type Policy, stateCount, stateIndex } from './policy.ts';

const rate = 0.2;
const start = 0.5;
const fixed = actionIndex(fixedAction);

/** Experiences learned, and cell → value of all that are not as at the start. */
export const softQSchema = z.object({
  experiences: z.int().min(0),
  values: z.array(
    z.tuple([
      z
        .int()
        .min(0)
        .max(stateCount * actions.length - 1),
      z.number(),
    ]),
  ),
});
export type SoftQSnapshot = z.infer<typeof softQSchema>;

/** From .5, halved after 250 experiences, down to .02: at .5 choices among rewards of 0 to 1 stay nearly even for ever. */
function temperature(experiences: number): number {
  return Math.max(0.02, 0.5 / (1 + experiences / 250));
}

/**
 * A table of values by state and action, each moved a fifth of the way to a new reward, and softmax over them (Sutton & Barto,
 * Reinforcement Learning, 2.3 and 2.5). Episodic: a question ends with its answer, so the target is the reward and no value of
 * a next state. Unlike the other policies it depends on the order of experiences, and a late reward is exact only where its
 * cell has learned nothing since.
 */
export function createSoftQ(
  exploration: Exploration,
  snapshot: SoftQSnapshot = { experiences: 0, values: [] },
): Policy {
  const values = new Float64Array(stateCount * actions.length).fill(start);
  for (const [cell, value] of snapshot.values) values[cell] = value;
  let experiences = snapshot.experiences;
  const at = (state: number) => {
    const here = values.subarray(cellOf(state, 0), cellOf(state + 1, 0));
    const best = here.reduce((found, value, i) => (value > (here[found] as number) ? i : found), fixed);
    const wanted = softmax(here, temperature(experiences));
    return { best, probabilities: boundExploration(wanted, best, experiences, exploration) };
  };
  return {
    name: 'soft_q',
    probabilities: (state) => at(stateIndex(state)).probabilities,
    decide(state, draw) {
      const { probabilities, best } = at(stateIndex(state));
      return choose(probabilities, best, draw);
    },
    update(batch) {
      checkRewards(batch);
      for (const { state, action, reward, replaces } of batch) {
        const cell = cellOf(stateIndex(state), actionIndex(action));
        const value = values[cell] as number;
        const before = replaces === undefined ? value : boundReward(replaces);
        values[cell] = value + rate * (boundReward(reward) - before);
        if (replaces === undefined) experiences++;
      }
    },
    toJSON: () => ({ version: 1, policy: 'soft_q', experiences, values: changed(values) }),
  };
}

function changed(values: Float64Array): [number, number][] {
  return [...values.entries()].filter(([, value]) => value !== start);
}

/** Largest exponent 0: no overflow, whatever the values. */
function softmax(values: Float64Array, heat: number): Float64Array {
  const most = Math.max(...values);
  const weights = values.map((value) => Math.exp((value - most) / heat));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
