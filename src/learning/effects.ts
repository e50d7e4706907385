import { type Belief, linearBelief, withOwn } from './belief.ts';
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

/** What an action adds to the fixed one, where the base is given. */
export interface Added {
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

/** What the fixed action gets. */
export interface Base {
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
