import { type Cells, cellOf } from './cells.ts';
import { featureCount, featuresByState } from './features.ts';
import { diagonal, invert, type Matrix, times } from './matrix.ts';
import { actionIndex, actions, fixedAction, stateCount } from './policy.ts';

/** What is believed before there is evidence. Standard deviations and means are in units of reward. */
export interface EffectsPrior {
  /** Of the fixed action's reward, over all states and by level. */
  base: { mean: number; sd: number; levelSd: number };
  /** Of what another action adds to the fixed action's reward: in all states, and by level. */
  action: { mean: number; sd: number; levelSd: number };
  /** Of what a state adds to the reward of an action beyond the sum of its levels. */
  stateSd: number;
  /** Of single rewards; `weight` is how many observed ones it counts for. */
  noise: { sd: number; weight: number };
}

/** Joint normal belief in the rewards of the six actions in one state. */
export interface Belief {
  means: Float64Array;
  /** Six times six. */
  covariances: Matrix;
}

export interface Effects {
  /** `state` is a `stateIndex`. */
  belief(state: number): Belief;
}

const fixed = actionIndex(fixedAction);

/**
 * Bayesian linear regression of rewards, from sums alone: reward of action a in state s = φ(s)·base + φ(s)·added(a) + own(s, a)
 * + noise, φ one-hot of the levels, added = 0 for the fixed action. All priors are normal with independent parts, so the
 * posterior is (Bishop, Pattern Recognition and Machine Learning, 3.49–3.51); `own` is integrated out, as in any random
 * intercept. Actions touch each other only through `base`: its 14 unknowns are solved for first (Schur complement), then
 * each action's 14.
 */
export function fitEffects(cells: Cells, prior: EffectsPrior): Effects {
  const noise = cells.noise(prior.noise.sd ** 2, prior.noise.weight);
  const features = featuresByState();
  const evidence = actions.map((_, action) => gather(cells, features, action, noise, prior.stateSd ** 2));
  const added = evidence.map((of, action) => (action === fixed ? undefined : solveAdded(of, prior)));
  const base = solveBase(evidence, added, prior);
  return {
    belief: (state) => {
      const active = features[state] as readonly number[];
      const linear = linearBelief(active, base, added);
      return withOwn(linear, cells, state, noise, prior.stateSd ** 2);
    },
  };
}

interface Evidence {
  /** Sum of weight · φφᵀ, and of weight · φ · mean reward. */
  information: Matrix;
  score: Float64Array;
}

/** A cell of n rewards says as much as one of variance stateSd² + noise / n. */
function gather(
  cells: Cells,
  features: readonly (readonly number[])[],
  action: number,
  noise: number,
  own: number,
): Evidence {
  const information = new Float64Array(featureCount * featureCount);
  const score = new Float64Array(featureCount);
  for (let state = 0; state < stateCount; state++) {
    const cell = cellOf(state, action);
    const count = cells.count(cell);
    if (count === 0) continue;
    const weight = count / (noise + count * own);
    const weighted = weight * cells.mean(cell);
    const active = features[state] as readonly number[];
    for (const i of active) {
      score[i] = (score[i] as number) + weighted;
      for (const j of active)
        information[i * featureCount + j] = (information[i * featureCount + j] as number) + weight;
    }
  }
  return { information, score };
}

interface Added {
  precision: Float64Array;
  /** Covariance given the base. */
  covariance: Matrix;
  /** Mean where the base is 0; a base takes `covariance · information · base` from it. */
  mean: Float64Array;
}

function solveAdded({ information, score }: Evidence, { action }: EffectsPrior): Added {
  const precision = precisions(action);
  const total = information.slice();
  const right = score.slice();
  for (let i = 0; i < featureCount; i++) {
    total[i * (featureCount + 1)] = (total[i * (featureCount + 1)] as number) + (precision[i] as number);
  }
  right[0] = (right[0] as number) + (precision[0] as number) * action.mean;
  const covariance = invert(total, featureCount);
  return { precision, covariance, mean: times(covariance, right) };
}

interface Base {
  mean: Float64Array;
  covariance: Matrix;
}

/** information − information · covariance · information of each action = precision − precision · covariance · precision. */
function solveBase(
  evidence: readonly Evidence[],
  added: readonly (Added | undefined)[],
  { base }: EffectsPrior,
): Base {
  const precision = precisions(base);
  const total = diagonal(precision);
  const right = new Float64Array(featureCount);
  right[0] = (precision[0] as number) * base.mean;
  for (const [action, { information, score }] of evidence.entries()) {
    const own = added[action];
    const explained = own && times(information, own.mean);
    for (let i = 0; i < featureCount; i++) {
      right[i] = (right[i] as number) + (score[i] as number) - (explained?.[i] ?? 0);
      for (let j = 0; j < featureCount; j++) {
        const at = i * featureCount + j;
        total[at] = (total[at] as number) + (own ? left(own, i, j) : (information[at] as number));
      }
    }
  }
  const covariance = invert(total, featureCount);
  return { covariance, mean: times(covariance, right) };
}

function left({ precision, covariance }: Added, i: number, j: number): number {
  const outer = (precision[i] as number) * (precision[j] as number);
  return (i === j ? (precision[i] as number) : 0) - outer * (covariance[i * featureCount + j] as number);
}

function precisions({ sd, levelSd }: { sd: number; levelSd: number }): Float64Array {
  return Float64Array.from({ length: featureCount }, (_, i) => (i === 0 ? sd : levelSd) ** -2);
}

/**
 * Given the base, the reward of an action is φ·(base + its mean − covariance · information · base)
 * = c·base + φ·mean, where c = precision · covariance · φ.
 */
function linearBelief(active: readonly number[], base: Base, added: readonly (Added | undefined)[]): Belief {
  const means = new Float64Array(actions.length);
  const covariances = new Float64Array(actions.length ** 2);
  const reach = added.map((of) => reachOf(active, of));
  const spread = reach.map((coefficients) => times(base.covariance, coefficients));
  for (const [a, of] of added.entries()) {
    means[a] = dot(reach[a] as Float64Array, base.mean) + (of ? sumAt(of.mean, active) : 0);
    for (let b = 0; b < actions.length; b++)
      covariances[a * actions.length + b] = dot(spread[a] as Float64Array, reach[b] as Float64Array);
    if (of) {
      const at = a * (actions.length + 1);
      covariances[at] =
        (covariances[at] as number) + active.reduce((sum, i) => sum + rowSum(of.covariance, i, active), 0);
    }
  }
  return { means, covariances };
}

function reachOf(active: readonly number[], of: Added | undefined): Float64Array {
  return Float64Array.from({ length: featureCount }, (_, i) =>
    of ? (of.precision[i] as number) * rowSum(of.covariance, i, active) : active.includes(i) ? 1 : 0,
  );
}

function rowSum(matrix: Matrix, row: number, columns: readonly number[]): number {
  let sum = 0;
  for (const column of columns) sum += matrix[row * featureCount + column] as number;
  return sum;
}

function sumAt(values: Float64Array, indices: readonly number[]): number {
  let sum = 0;
  for (const i of indices) sum += values[i] as number;
  return sum;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** What the cell itself says beyond its levels: its mean counts for own / (own + noise / n). */
function withOwn(linear: Belief, cells: Cells, state: number, noise: number, own: number): Belief {
  const size = actions.length;
  const trust = actions.map((_, action) => {
    const count = cells.count(cellOf(state, action));
    return (count * own) / (noise + count * own);
  });
  const rest = (action: number) => 1 - (trust[action] as number);
  return {
    means: linear.means.map(
      (mean, action) => rest(action) * mean + (trust[action] as number) * cells.mean(cellOf(state, action)),
    ),
    covariances: linear.covariances.map((value, at) => {
      const [a, b] = [Math.floor(at / size), at % size];
      return rest(a) * rest(b) * value + (a === b ? own * rest(a) : 0);
    }),
  };
}
