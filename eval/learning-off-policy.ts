import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { seededRandom } from '../src/evaluation/random.ts';
import { type Estimate, evaluatePolicy, type OffPolicyEstimates } from '../src/learning/off-policy.ts';
import { createPolicy, policyNames } from '../src/learning/policies.ts';
import {
  type Action,
  actions,
  type Experience,
  type Policy,
  stateAt,
  stateCount,
} from '../src/learning/policy.ts';
import { runPolicy } from './learning-simulation.ts';
import { createWorld, type World, type WorldOptions } from './learning-world.ts';

export type Estimated = OffPolicyEstimates & {
  /** Where it is known. */
  truth?: number;
};

const level = z.literal([0, 1, 2]);
const experienceSchema = z.object({
  state: z.object({ complexity: level, intent: z.literal([0, 1, 2, 3]), keyword: level, vector: level }),
  action: z.literal([...actions]),
  reward: z.number().min(0).max(1),
  propensity: z.number().gt(0).max(1),
});

/** Throws with the number of the first line that isn't an experience. */
export async function readLogged(file: string): Promise<Experience[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, i) => {
    try {
      return experienceSchema.parse(JSON.parse(line));
    } catch (error) {
      throw new Error(
        `${file}, line ${i + 1} is no experience: ${error instanceof Error ? error.message : ''}`,
      );
    }
  });
}

/** Every policy learns from the earlier half and is estimated on the later one. */
export function estimateAll(experiences: readonly Experience[], world?: World): Estimated[] {
  const half = Math.floor(experiences.length / 2);
  return policyNames.map((name) => {
    const policy = createPolicy(name);
    policy.update(experiences.slice(0, half));
    const estimates = evaluatePolicy(experiences.slice(half), policy);
    return world ? { ...estimates, truth: trueValue(world, policy) } : estimates;
  });
}

/** Logged by Thompson sampling while it learns, as in the product. */
export function estimateSimulated(
  options: WorldOptions,
  seed: number,
  count: number,
  batch: number,
): Estimated[] {
  const world = createWorld(options, seededRandom(seed));
  const logged: Experience[] = [];
  const log = (experience: Experience) => logged.push(experience);
  runPolicy(world, createPolicy('thompson'), { marks: [count], batch, seed, log });
  return estimateAll(logged, world);
}

/** Mean reward of a policy in a world: exact. */
export function trueValue(world: World, policy: Policy): number {
  return Array.from({ length: stateCount }, (_, i) => stateAt(i)).reduce((sum, state) => {
    const probabilities = policy.probabilities(state);
    const value = actions.reduce(
      (total, action: Action, i) => total + (probabilities[i] as number) * world.mean(state, action),
      0,
    );
    return sum + world.share(state) * value;
  }, 0);
}

export function printEstimates(title: string, estimated: readonly Estimated[]): void {
  const show = ({ value, interval }: Estimate) =>
    `${value.toFixed(4)} (${interval.map((each) => each.toFixed(4)).join(' … ')})`;
  console.log(`\n${title}`);
  console.table(
    Object.fromEntries(
      estimated.map(({ policy, truth, ips, snips, dr, over_fixed, effective_sample_size }) => [
        policy,
        {
          IPS: show(ips),
          SNIPS: show(snips),
          'doubly robust': show(dr),
          'over fixed': show(over_fixed),
          'effective sample': Math.round(effective_sample_size),
          ...(truth === undefined ? {} : { truth: truth.toFixed(4) }),
        },
      ]),
    ),
  );
  for (const { policy, warnings } of estimated)
    for (const warning of warnings) console.log(`${policy}: ${warning}`);
}
