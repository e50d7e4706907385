import { actions, type Experience, type Policy, type State } from '../../src/learning/policy.ts';

/**
 * Linear Thompson sampling as in Agrawal & Goyal (ICML 2013), written for tests from nothing of what it is compared with:
 * one ridge regression an action on one-hot levels, its inverse kept by Sherman & Morrison, and a weight vector drawn anew
 * for every decision. `sd` is that of rewards around their mean, `centre` about where they lie.
 */
export function referenceThompson(
  random: () => number,
  { sd = 0.15, centre = 0.5 } = {},
): Pick<Policy, 'decide' | 'update'> {
  const arms = actions.map(() => createRegression());
  return {
    decide(state) {
      const x = encode(state);
      const sampled = arms.map(({ sample }) =>
        dot(
          sample(() => sd * normal(random)),
          x,
        ),
      );
      const best = sampled.indexOf(Math.max(...sampled));
      return { action: actions[best] as Experience['action'], propensity: 1, explored: false };
    },
    update(batch) {
      for (const { state, action, reward } of batch)
        arms[actions.indexOf(action)]?.learn(encode(state), reward - centre);
    },
  };
}

function encode({ complexity, intent, keyword, vector }: State): number[] {
  const oneHot = (level: number, levels: number) =>
    Array.from({ length: levels }, (_, i) => Number(i === level));
  return [1, ...oneHot(complexity, 3), ...oneHot(intent, 4), ...oneHot(keyword, 3), ...oneHot(vector, 3)];
}

function createRegression() {
  const size = 14;
  const inverse = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, j) => Number(i === j)),
  );
  const target = new Array<number>(size).fill(0);
  const row = (i: number) => inverse[i] as number[];
  return {
    learn(x: readonly number[], y: number): void {
      const ax = inverse.map((values) => dot(values, x));
      const scale = 1 + dot(ax, x);
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++)
          row(i)[j] = (row(i)[j] as number) - ((ax[i] as number) * (ax[j] as number)) / scale;
        target[i] = (target[i] as number) + y * (x[i] as number);
      }
    },
    sample(noise: () => number): number[] {
      const root = squareRoot(inverse);
      const z = target.map(noise);
      return inverse.map((values, i) => dot(values, target) + dot(root[i] as number[], z));
    },
  };
}

/** Lower triangle whose product with its transpose is the matrix. */
function squareRoot(matrix: readonly number[][]): number[][] {
  const root = matrix.map((values) => values.map(() => 0));
  for (const [i, values] of matrix.entries())
    for (let j = 0; j <= i; j++) {
      const [here, there] = [root[i] as number[], root[j] as number[]];
      const rest = (values[j] as number) - dot(here.slice(0, j), there.slice(0, j));
      here[j] = i === j ? Math.sqrt(Math.max(rest, 0)) : rest / (there[j] as number);
    }
  return root;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
