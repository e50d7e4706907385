import { mean } from '../src/evaluation/measures.ts';
import { seededRandom } from '../src/evaluation/random.ts';
import { createPolicy, type PolicyName, policyNames } from '../src/learning/policies.ts';
import { type Action, actions, type Experience, type Policy } from '../src/learning/policy.ts';
import { createWorld, type World, type WorldOptions } from './learning-world.ts';

export interface SimulationOptions {
  worlds: readonly WorldOptions[];
  seeds: readonly number[];
  /** Regret is given after so many decisions each. */
  marks: readonly number[];
  /** Decisions between two updates, each with what was decided since the last. */
  batch: number;
}

/** Mean regret per decision × 1,000, by mark. */
export type Regrets = Record<string, number[]>;

export type MakePolicy = (world: World, seed: number) => Pick<Policy, 'decide' | 'update'>;

/** What can't learn: floor and ceiling for what does. */
const bounds: Record<string, MakePolicy> = {
  even: () => ({
    decide: (_, draw) => ({
      action: actions[Math.floor(draw() * actions.length)] as Action,
      propensity: 1 / actions.length,
      explored: true,
    }),
    update: () => {},
  }),
  best_fixed: ({ bestFixed }) => ({
    decide: () => ({ action: bestFixed, propensity: 1, explored: false }),
    update: () => {},
  }),
};

export function knownPolicies(): Record<string, MakePolicy> {
  const ours = policyNames.map((name: PolicyName): [string, MakePolicy] => [name, () => createPolicy(name)]);
  return { ...bounds, ...Object.fromEntries(ours) };
}

/** Runs each policy in the same worlds, one a seed; worlds and draws depend on nothing but the seed. */
export function simulateWorld(
  world: WorldOptions,
  policies: Record<string, MakePolicy>,
  { seeds, marks, batch }: Omit<SimulationOptions, 'worlds'>,
): Regrets {
  return Object.fromEntries(
    Object.entries(policies).map(([name, make]) => {
      const runs = seeds.map((seed) => {
        const made = createWorld(world, seededRandom(seed));
        return runPolicy(made, make(made, seed), { marks, batch, seed });
      });
      return [name, marks.map((_, i) => mean(runs.map((regrets) => regrets[i] as number)))];
    }),
  );
}

interface RunOptions {
  marks: readonly number[];
  batch: number;
  seed: number;
  /** Gets every experience. */
  log?: (experience: Experience) => void;
}

/** Regret is of means, not of drawn rewards: what is lost against the best action of each state. */
export function runPolicy(
  world: World,
  policy: Pick<Policy, 'decide' | 'update'>,
  { marks, batch, seed, log }: RunOptions,
): number[] {
  const nature = seededRandom(seed + 1_000_003);
  const draw = seededRandom(seed + 2_000_003);
  const regrets: number[] = [];
  let waiting: Experience[] = [];
  let regret = 0;
  for (let step = 1; step <= Math.max(...marks); step++) {
    const state = world.state(nature);
    const { action, propensity } = policy.decide(state, draw);
    const experience = { state, action, propensity, reward: world.reward(state, action, nature) };
    regret += world.best(state) - world.mean(state, action);
    log?.(experience);
    waiting.push(experience);
    if (waiting.length >= batch) {
      policy.update(waiting);
      waiting = [];
    }
    if (marks.includes(step)) regrets.push((1000 * regret) / step);
  }
  return regrets;
}
