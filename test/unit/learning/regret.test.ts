import { expect, it } from 'vitest';
import { plainWorlds } from '../../../eval/learning-options.ts';
import { knownPolicies, simulateWorld } from '../../../eval/learning-simulation.ts';
import { createWorld, type WorldOptions } from '../../../eval/learning-world.ts';
import { seededRandom } from '../../../src/evaluation/random.ts';
import { stateAt, stateCount } from '../../../src/learning/policy.ts';
import { referenceThompson } from '../../support/reference-bandit.ts';

/** Few seeds and decisions; the whole of it is in test/long/learning-regret.test.ts. */
const options = { seeds: [41, 42, 43, 44], marks: [500, 1500], batch: 25 };
const world: WorldOptions = {
  states: 36,
  effect: 0.06,
  of: 'levels',
  noise: 'gaussian',
  frequencies: 'even',
};

it('loses less than what is fixed and than the best fixed action, and about what a reference loses', () => {
  const reference = (_: unknown, seed: number) => referenceThompson(seededRandom(seed + 9));
  const { thompson, best_fixed, fixed, ...others } = simulateWorld(
    world,
    { ...knownPolicies(), reference },
    options,
  ) as Record<string, [number, number]>;
  expect(thompson?.[0]).toBeLessThan(1.05 * (fixed?.[0] as number));
  expect(thompson?.[1]).toBeLessThan(0.8 * (best_fixed?.[1] as number));
  expect(thompson?.[1]).toBeLessThan(1.25 * (others.reference?.[1] as number));
  expect(others.even?.[1]).toBeGreaterThan(2 * (thompson?.[1] as number));
  // The Q-table learns as well, slower.
  expect(others.soft_q?.[1]).toBeLessThan(others.even?.[1] as number);
  expect(others.soft_q?.[1]).toBeGreaterThan(thompson?.[1] as number);
});

it('makes worlds as described', () => {
  const states = Array.from({ length: stateCount }, (_, i) => stateAt(i));
  for (const each of plainWorlds) {
    const made = createWorld(each, seededRandom(3));
    const reachable = states.filter((state) => made.share(state) > 0);
    expect(reachable).toHaveLength(each.states);
    expect(reachable.reduce((sum, state) => sum + made.share(state), 0)).toBeCloseTo(1, 9);
    const random = seededRandom(4);
    const [state] = reachable as [(typeof reachable)[0]];
    const rewards = Array.from({ length: 4000 }, () => made.reward(state, 'hybrid:direct', random));
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
    expect(Math.abs(mean - made.mean(state, 'hybrid:direct'))).toBeLessThan(0.012);
    expect(made.mean(state, 'hybrid:direct')).toBeLessThanOrEqual(made.best(state));
  }
});

it('draws states as often as a world says', () => {
  const made = createWorld({ ...world, frequencies: 'skewed' }, seededRandom(5));
  const random = seededRandom(6);
  const counts = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const key = JSON.stringify(made.state(random));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const [key, count] of counts)
    expect(Math.abs(count / 20_000 - made.share(JSON.parse(key)))).toBeLessThan(0.016);
});
