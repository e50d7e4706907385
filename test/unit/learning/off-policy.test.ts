import { describe, expect, it } from 'vitest';
import { createWorld, type World } from '../../../eval/learning-world.ts';
import { seededRandom } from '../../../src/evaluation/random.ts';
import { evaluatePolicy } from '../../../src/learning/off-policy.ts';
import { createPolicy } from '../../../src/learning/policies.ts';
import {
  type Action,
  actions,
  type Experience,
  type Policy,
  type State,
  stateAt,
  stateCount,
} from '../../../src/learning/policy.ts';

const [a, b] = ['hybrid:direct', 'keyword:direct'] as const;
const state = stateAt(0);
const always = (action: Action): Policy => ({
  ...createPolicy('fixed'),
  probabilities: () => actions.map((each) => Number(each === action)),
});

it('weighs as by hand', () => {
  const logged: Experience[] = [
    { state, action: a, propensity: 0.5, reward: 1 },
    { state, action: a, propensity: 0.25, reward: 0.5 },
    { state, action: b, propensity: 0.5, reward: 0 },
    { state, action: b, propensity: 0.5, reward: 0.2 },
  ];
  const estimates = evaluatePolicy(logged, always(a));
  expect(estimates.logged.value).toBeCloseTo(1.7 / 4, 12);
  expect(estimates.ips.value).toBeCloseTo((2 * 1 + 4 * 0.5) / 4, 12);
  expect(estimates.snips.value).toBeCloseTo((2 * 1 + 4 * 0.5) / 6, 12);
  expect(estimates.effective_sample_size).toBeCloseTo(36 / 20, 12);
  expect(estimates.largest_weight).toBe(4);
  expect(estimates.over_logged.value).toBeCloseTo(estimates.dr.value - estimates.logged.value, 12);
  // The fixed action is the one that is always taken here.
  expect(estimates.over_fixed).toEqual({ value: 0, interval: [0, 0] });
});

it('says what is wrong with what was logged', () => {
  const random = seededRandom(3);
  const logs = (count: number, action: Action, propensity: number): Experience[] =>
    Array.from({ length: count }, () => ({ state, action, propensity, reward: random() }));
  const warnings = (logged: Experience[]) => evaluatePolicy(logged, always(a)).warnings.join(' ');
  expect(warnings([])).toContain('no experiences');
  expect(warnings(logs(500, a, 1))).toBe('');
  expect(warnings(logs(20, a, 1))).toContain('effective sample size is 20');
  expect(warnings([...logs(150, a, 0.05), ...logs(2850, b, 0.95)])).toContain('Only 5.0 %');
  expect(warnings([...logs(500, a, 1), ...logs(1, a, 0.001)])).toContain('One experience carries 66.7 %');
  expect(warnings(logs(500, b, 1))).toContain('Fixed hybrid was logged too rarely');
  expect(warnings(logs(500, b, 1))).toContain('Weights average 0.00');
  expect(warnings(logs(500, a, 0.5))).toContain('Weights average 2.00');
  expect(() => evaluatePolicy(logs(1, a, 0), always(a))).toThrow('propensity');
});

it('estimates nothing but 0 of nothing', () => {
  const { ips, snips, dr, effective_sample_size } = evaluatePolicy([], createPolicy('fixed'));
  for (const { value, interval } of [ips, snips, dr]) expect([value, ...interval]).toEqual([0, 0, 0]);
  expect(effective_sample_size).toBe(0);
});

describe('where the truth is known', () => {
  const world = createWorld(
    { states: 108, effect: 0.06, of: 'states', noise: 'bernoulli', frequencies: 'skewed' },
    seededRandom(1),
  );
  /** Explores a lot, and not evenly. */
  const logging: Policy = {
    ...createPolicy('fixed'),
    probabilities: ({ intent }) =>
      intent < 2 ? [0.1, 0.1, 0.4, 0.2, 0.1, 0.1] : [0.3, 0.1, 0.2, 0.1, 0.2, 0.1],
  };
  const target = trained(world);
  const truth = trueValue(world, target);

  it('covers it as often as the intervals promise, without bias', () => {
    const rounds = 200;
    const all = Array.from({ length: rounds }, (_, i) =>
      evaluatePolicy(logsOf(world, logging, 1000, 100 + i), target),
    );
    for (const name of ['ips', 'snips', 'dr'] as const) {
      const covered = all.filter(({ [name]: { interval } }) => interval[0] <= truth && truth <= interval[1]);
      // 95 % of 200 is 190; four standard deviations of that count are 12.
      expect(covered.length, name).toBeGreaterThanOrEqual(178);
      const widths = all.map(({ [name]: { interval } }) => interval[1] - interval[0]);
      const average = all.reduce((sum, { [name]: { value } }) => sum + value, 0) / rounds;
      const sd = (widths.reduce((sum, width) => sum + width, 0) / rounds / (2 * 1.96)) * rounds ** -0.5;
      expect(Math.abs(average - truth), name).toBeLessThan(4 * sd);
    }
    const gain = truth - trueValue(world, createPolicy('fixed'));
    const held = all.filter(({ over_fixed: { interval } }) => interval[0] <= gain && gain <= interval[1]);
    expect(held.length).toBeGreaterThanOrEqual(178);
    const width = (name: 'ips' | 'dr') =>
      all.reduce((sum, { [name]: { interval } }) => sum + interval[1] - interval[0], 0);
    expect(width('dr')).toBeLessThan(0.8 * width('ips'));
  });

  it('is right with wrong propensities where the model of rewards is right, and IPS is not', () => {
    const simple = createWorld(
      { states: 108, effect: 0.06, of: 'levels', noise: 'gaussian', frequencies: 'even' },
      seededRandom(2),
    );
    const learned = trained(simple);
    const logs = logsOf(simple, logging, 20_000, 7).map((each) => ({ ...each, propensity: 1 / 2 }));
    const { dr, ips } = evaluatePolicy(logs, learned);
    const value = trueValue(simple, learned);
    expect(Math.abs(dr.value - value)).toBeLessThan(0.01);
    expect(Math.abs(ips.value - value)).toBeGreaterThan(0.1);
  });
});

function logsOf(world: World, policy: Policy, count: number, seed: number): Experience[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const at = world.state(random);
    const probabilities = policy.probabilities(at);
    let left = random();
    const chosen = probabilities.findIndex((probability) => {
      left -= probability;
      return left < 0;
    });
    const action = actions[chosen] as Action;
    const propensity = probabilities[chosen] as number;
    return { state: at, action, propensity, reward: world.reward(at, action, random) };
  });
}

function trained(world: World): Policy {
  const policy = createPolicy('thompson');
  policy.update(
    logsOf(world, { ...createPolicy('fixed'), probabilities: () => actions.map(() => 1 / 6) }, 3000, 5),
  );
  return policy;
}

/** Exact, over all states as often as they occur. */
function trueValue(world: World, policy: Policy): number {
  const value = (at: State) =>
    policy.probabilities(at).reduce((sum, p, i) => sum + p * world.mean(at, actions[i] as Action), 0);
  return Array.from({ length: stateCount }, (_, i) => stateAt(i)).reduce(
    (sum, at) => sum + world.share(at) * value(at),
    0,
  );
}
