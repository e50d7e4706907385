import {
  type Action,
  actionIndex,
  actions,
  fixedAction,
  type State,
  stateAt,
  stateCount,
  stateIndex,
} from '../src/learning/policy.ts';

/** How rewards of simulated states come about. */
export interface WorldOptions {
  /** 108: all; 36: those whose keyword and vector evidence are alike. */
  states: 36 | 108;
  /** Standard deviation of each effect on the mean reward. */
  effect: number;
  /**
   * What effects belong to: an action at a level of one part of the state, an action in a whole state, or an action alone.
   * `fixed`: nothing is as good as the fixed action, and all others lose the effect.
   */
  of: 'levels' | 'states' | 'actions' | 'fixed';
  noise: 'gaussian' | 'bernoulli';
  frequencies: 'even' | 'skewed';
}

export const gaussianNoise = 0.15;

export interface World {
  /** Draws a state as often as it occurs. */
  state(random: () => number): State;
  /** How often a state occurs, of 1. */
  share(state: State): number;
  /** Mean reward. */
  mean(state: State, action: Action): number;
  best(state: State): number;
  reward(state: State, action: Action, random: () => number): number;
  /** The one action that is best on average over all states. */
  bestFixed: Action;
}

export function createWorld(options: WorldOptions, random: () => number): World {
  const reachable = statesOf(options.states);
  const shares = sharesOf(reachable, options.frequencies, random);
  const upTo = shares.map((_, i) => shares.slice(0, i + 1).reduce((sum, share) => sum + share, 0));
  const means = meansOf(options, random);
  const mean = (state: State, action: Action) =>
    (means[stateIndex(state)] as number[])[actionIndex(action)] as number;
  const average = (action: Action) =>
    reachable.reduce((sum, state, i) => sum + (shares[i] as number) * mean(state, action), 0);
  return {
    state: (draw) => {
      const at = draw();
      return reachable[upTo.findIndex((share) => at < share)] ?? (reachable[0] as State);
    },
    share: (state) => shares[reachable.findIndex((each) => stateIndex(each) === stateIndex(state))] ?? 0,
    mean,
    best: (state) => Math.max(...(means[stateIndex(state)] as number[])),
    reward: (state, action, draw) =>
      options.noise === 'bernoulli'
        ? Number(draw() < mean(state, action))
        : mean(state, action) + gaussianNoise * normal(draw),
    bestFixed: actions.reduce((best, action) => (average(action) > average(best) ? action : best)),
  };
}

function statesOf(count: 36 | 108): State[] {
  const all = Array.from({ length: stateCount }, (_, i) => stateAt(i));
  return count === 108 ? all : all.filter(({ keyword, vector }) => keyword === vector);
}

/** Skewed: as by Zipf's law, in an order of chance. */
function sharesOf(states: readonly State[], frequencies: 'even' | 'skewed', random: () => number): number[] {
  const ranks = states.map((_, i) => ({ i, at: random() })).sort((a, b) => a.at - b.at);
  const weights = states.map(() => 1);
  if (frequencies === 'skewed') for (const [rank, { i }] of ranks.entries()) weights[i] = 1 / (rank + 1);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Around .5; a state's own level of difficulty moves all its actions alike. */
function meansOf({ of, effect }: WorldOptions, random: () => number): number[][] {
  if (of === 'fixed') {
    const means = actions.map((action) => (action === fixedAction ? 0.7 : 0.7 - effect));
    return Array.from({ length: stateCount }, () => means);
  }
  const effects = new Map<string, number>();
  const draw = (key: string) => {
    const known = effects.get(key);
    if (known !== undefined) return known;
    const fresh = effect * normal(random);
    effects.set(key, fresh);
    return fresh;
  };
  return Array.from({ length: stateCount }, (_, index) => {
    const levels = Object.entries(stateAt(index)).map(([part, level]) => `${part}${level}`);
    const keys = { levels, states: [`${index}`], actions: [''] }[of];
    const base = 0.5 + levels.reduce((sum, level) => sum + draw(level), 0);
    return actions.map((action) => {
      const sum = keys.reduce((total, key) => total + draw(`${action} ${key}`), base);
      return Math.min(1, Math.max(0, sum));
    });
  });
}

export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
