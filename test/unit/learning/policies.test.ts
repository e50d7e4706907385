import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/evaluation/random.ts';
import { defaultExploration } from '../../../src/learning/exploration.ts';
import { createPolicy, policyNames, restorePolicy } from '../../../src/learning/policies.ts';
import {
  type Action,
  actionIndex,
  actions,
  type Experience,
  fixedAction,
  type Policy,
  stateAt,
  stateCount,
  stateIndex,
} from '../../../src/learning/policy.ts';

const states = Array.from({ length: stateCount }, (_, i) => stateAt(i));
const some = states.filter((_, i) => i % 13 === 0);

/** `keyword:direct` is good where words are plentiful, else nothing is better than anything. */
function experiences(count: number, seed: number): Experience[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const state = stateAt(Math.floor(random() * stateCount));
    const action = actions[Math.floor(random() * actions.length)] as Action;
    const good = state.keyword === 2 && action === 'keyword:direct';
    return { state, action, reward: (good ? 0.8 : 0.4) + 0.2 * random(), propensity: 1 / actions.length };
  });
}

const learned = (name: (typeof policyNames)[number], batch = experiences(600, 1)) => {
  const policy = createPolicy(name);
  policy.update(batch);
  return policy;
};
const all = (policy: Policy) => states.map((state) => policy.probabilities(state));

it('numbers states and actions both ways', () => {
  expect(states.map(stateIndex)).toEqual(states.map((_, i) => i));
  expect(actions.map(actionIndex)).toEqual([0, 1, 2, 3, 4, 5]);
});

describe.each(policyNames)('policy %s', (name) => {
  it('gives probabilities that sum to 1, and keeps the floor for every action', () => {
    const floor = name === 'fixed' ? 0 : defaultExploration.floor / actions.length;
    for (const policy of [createPolicy(name), learned(name)])
      for (const probabilities of all(policy)) {
        expect(probabilities).toHaveLength(actions.length);
        expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
        expect(Math.min(...probabilities)).toBeGreaterThanOrEqual(floor * (1 - 1e-9));
      }
  });

  it('does what is fixed until there is evidence', () => {
    const policy = createPolicy(name);
    for (const state of states)
      expect(policy.probabilities(state)[actionIndex(fixedAction)]).toBeGreaterThanOrEqual(
        1 - defaultExploration.floor,
      );
  });

  it('explores no more than it may, however little or much it knows', () => {
    for (const size of [0, 10, 100, 1000]) {
      const policy = createPolicy(name, { floor: 0.06, cap: 0.2 });
      policy.update(experiences(size, 3));
      for (const probabilities of all(policy)) {
        expect(Math.max(...probabilities)).toBeGreaterThanOrEqual(0.8 - 1e-9);
        if (name !== 'fixed') expect(Math.min(...probabilities)).toBeGreaterThanOrEqual(0.01 - 1e-9);
      }
    }
  });

  it('says of a decision that it explores where another action looks better', () => {
    const policy = createPolicy(name, { cap: 0.2 });
    policy.update(experiences(600, 1));
    const random = seededRandom(5);
    for (const state of some) {
      const likeliest = Math.max(...policy.probabilities(state));
      for (let i = 0; i < 50; i++) {
        const { propensity, explored } = policy.decide(state, random);
        expect(explored).toBe(propensity < likeliest);
      }
    }
  });

  it('takes actions as often as it says, and says so with each', () => {
    const policy = learned(name);
    const random = seededRandom(11);
    const state = stateAt(2 * 3);
    const probabilities = policy.probabilities(state);
    const counts = actions.map(() => 0);
    const rounds = 10_000;
    for (let i = 0; i < rounds; i++) {
      const { action, propensity } = policy.decide(state, random);
      if (propensity !== probabilities[actionIndex(action)]) expect(propensity).toBe(action);
      counts[actionIndex(action)] = (counts[actionIndex(action)] as number) + 1;
    }
    for (const [i, probability] of probabilities.entries()) {
      const sd = Math.sqrt((probability * (1 - probability)) / rounds);
      expect(Math.abs((counts[i] as number) / rounds - probability)).toBeLessThanOrEqual(5 * sd);
    }
  });

  it('decides the same with the same draws', () => {
    const decide = (policy: Policy) => {
      const random = seededRandom(17);
      return states.map((state) => policy.decide(state, random));
    };
    expect(decide(learned(name))).toEqual(decide(learned(name)));
  });

  it('is the same after a snapshot has gone through JSON, and learns on from there', () => {
    const policy = learned(name);
    const restored = restorePolicy(JSON.parse(JSON.stringify(policy)));
    expect(all(restored)).toEqual(all(policy));
    for (const each of [policy, restored]) each.update(experiences(100, 2));
    expect(all(restored)).toEqual(all(policy));
    expect(restored.toJSON()).toEqual(policy.toJSON());
    expect(restored.name).toBe(name);
  });

  it('learns nothing from an empty batch', () => {
    const policy = learned(name);
    const [snapshot, before] = [JSON.stringify(policy), all(policy)];
    policy.update([]);
    expect(JSON.stringify(policy)).toBe(snapshot);
    expect(all(policy)).toEqual(before);
  });

  it('stays finite under extreme rewards', () => {
    const policy = createPolicy(name);
    for (const reward of [1e300, -1e300, 0, 1, Number.MAX_VALUE, Number.MIN_VALUE])
      policy.update(experiences(200, 4).map((experience) => ({ ...experience, reward })));
    for (const probabilities of all(policy))
      for (const value of probabilities) expect(value >= 0 && value <= 1).toBe(true);
    expect(JSON.stringify(policy)).not.toContain('null');
  });

  it('can be asked for probabilities without being changed by what is done to them', () => {
    const policy = learned(name);
    const [state] = states as [(typeof states)[0]];
    policy.probabilities(state).fill(0);
    expect(policy.probabilities(state).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
  });
});

describe.each(['thompson', 'linucb', 'soft_q'] as const)('learning policy %s', (name) => {
  it('finds the action that is better where it is better', () => {
    const probability = (keyword: 0 | 2) =>
      learned(name, experiences(5000, 6)).probabilities({ complexity: 1, intent: 2, keyword, vector: 1 })[
        actionIndex('keyword:direct')
      ] as number;
    expect(probability(2)).toBeGreaterThan(0.5);
    expect(probability(0)).toBeLessThan(0.5);
  });

  it('refuses a batch with a reward that is not a number, and learns none of it', () => {
    const policy = learned(name);
    const before = JSON.stringify(policy);
    const [first, second] = experiences(2, 8) as [Experience, Experience];
    expect(() => policy.update([first, { ...second, reward: Number.NaN }])).toThrow(RangeError);
    expect(JSON.stringify(policy)).toBe(before);
  });

  it('refuses snapshots of another version, and damaged ones', () => {
    const snapshot = JSON.parse(JSON.stringify(learned(name)));
    expect(() => restorePolicy({ ...snapshot, version: 2 })).toThrow();
    expect(() => restorePolicy({ ...snapshot, policy: 'another' })).toThrow();
    expect(() => restorePolicy({ ...snapshot, cells: [[9999, 1, 1, 1]], values: [[9999, 1]] })).toThrow();
  });
});

describe.each(['thompson', 'linucb'] as const)('commuting policy %s', (name) => {
  const batches = [experiences(32, 21), experiences(32, 22), experiences(32, 23)] as const;

  it('knows the same in whatever order batches came', () => {
    const [a, b, c] = batches;
    const one = learned(name, [...a, ...b, ...c]);
    const other = createPolicy(name);
    for (const batch of [c, a, b]) other.update([...batch].reverse());
    expect(other.toJSON()).toEqual(one.toJSON());
    expect(all(other)).toEqual(all(one));
  });

  it('replaces an earlier reward as if it had never been', () => {
    const [a, b] = batches;
    const late = a.map((experience) => ({ ...experience, reward: 0.95 }));
    const policy = learned(name, [...a, ...b]);
    policy.update(late.map((experience, i) => ({ ...experience, replaces: a[i]?.reward as number })));
    expect(policy.toJSON()).toEqual(learned(name, [...late, ...b]).toJSON());
  });
});

it('refuses bounds of exploration that contradict each other', () => {
  expect(() => createPolicy('thompson', { floor: 0 })).toThrow('0 < floor');
  expect(() => createPolicy('thompson', { floor: 0.3, cap: 0.2 })).toThrow('floor ≤ cap');
  expect(() => restorePolicy({ version: 1, policy: 'fixed' }, { warmUp: -1 })).toThrow('warmUp');
});

it('moves a value of the Q-table a fifth of the way to the reward, and nothing beyond it', () => {
  const policy = createPolicy('soft_q');
  const [state] = states as [(typeof states)[0]];
  policy.update([{ state, action: 'keyword:direct', reward: 1, propensity: 1 }]);
  expect(policy.toJSON()).toMatchObject({ experiences: 1, values: [[0, 0.6]] });
});
