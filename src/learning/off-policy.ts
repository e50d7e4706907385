import { mean } from '../evaluation/measures.ts';
import { fitCrossed } from './crossed.ts';
import { createFixed } from './fixed.ts';
import { effectiveSize, warningsOf } from './off-policy-warnings.ts';
import { actionIndex, actions, type Experience, type Policy, stateIndex } from './policy.ts';

export interface Estimate {
  /** Mean reward per decision that the policy would have had, in units of reward. */
  value: number;
  /** 95 %, normal. */
  interval: [number, number];
}

export interface OffPolicyEstimates {
  policy: string;
  experiences: number;
  /** What was logged, whoever decided. */
  logged: Estimate;
  /** Inverse propensity scoring: unbiased where propensities are right, wide where weights are large. */
  ips: Estimate;
  /** Self-normalised: a little bias for less width. */
  snips: Estimate;
  /** Doubly robust: right where either propensities or the model of rewards are. The one to go by. */
  dr: Estimate;
  /** Doubly robust value minus what was logged, paired: an interval without 0 is more than chance. */
  over_logged: Estimate;
  /** The same minus the doubly robust value of always taking the fixed action. */
  over_fixed: Estimate;
  /** (Σw)² / Σw²: so many experiences of the policy's own would say as much. */
  effective_sample_size: number;
  largest_weight: number;
  /** Sentences; empty where there is nothing to distrust. */
  warnings: string[];
}

/**
 * What the mean reward of decisions would have been, had `policy` made them, from logged ones. Weights are
 * w = π(action | state) / propensity.
 * IPS: mean of w·r (Horvitz & Thompson 1952). SNIPS: Σw·r / Σw (Swaminathan & Joachims, NIPS 2015), its variance by the delta
 * method. Doubly robust: mean of Σ π(a | s)·q(s, a) + w·(r − q(s, action)) (Dudík, Langford & Li, ICML 2011), q a model of
 * rewards that is fitted on the other half of the experiences than the one it is used on, so that none explains itself
 * (Chernozhukov et al. 2018). Intervals are normal: each estimate is a mean of independent terms or the ratio of two, and the
 * effective sample size says when there are too few of them to trust that. A replaced experience counts with its last reward.
 * A policy that has learned from the very experiences looks better than it is: hold some back.
 */
export function evaluatePolicy(experiences: readonly Experience[], policy: Policy): OffPolicyEstimates {
  const terms = termsOf(experiences, policy);
  const rewards = experiences.map(({ reward }) => reward);
  const weights = terms.map(({ weight }) => weight);
  const predict = fitCrossed(experiences);
  const robust = robustTerms(experiences, terms, predict);
  const fixedTerms = termsOf(experiences, createFixed());
  const fixed = robustTerms(experiences, fixedTerms, predict);
  return {
    policy: policy.name,
    experiences: experiences.length,
    logged: estimateMean(rewards),
    ips: estimateMean(weights.map((weight, i) => weight * (rewards[i] as number))),
    snips: estimateRatio(weights, rewards),
    dr: estimateMean(robust),
    over_logged: estimateMean(robust.map((value, i) => value - (rewards[i] as number))),
    over_fixed: estimateMean(robust.map((value, i) => value - (fixed[i] as number))),
    effective_sample_size: effectiveSize(weights),
    largest_weight: weights.reduce((most, weight) => Math.max(most, weight), 0),
    warnings: warningsOf(
      weights,
      fixedTerms.map(({ weight }) => weight),
    ),
  };
}

interface Term {
  target: readonly number[];
  weight: number;
}

/** A state's probabilities are asked for once. */
function termsOf(experiences: readonly Experience[], policy: Policy): Term[] {
  const known = new Map<number, number[]>();
  return experiences.map((experience) => {
    const state = stateIndex(experience.state);
    const target = known.get(state) ?? policy.probabilities(experience.state);
    known.set(state, target);
    return termOf(experience, target);
  });
}

function termOf({ action, propensity }: Experience, target: readonly number[]): Term {
  if (!(propensity > 0 && propensity <= 1))
    throw new RangeError(`A propensity has to be above 0 and at most 1, not ${propensity}.`);
  return { target, weight: (target[actionIndex(action)] as number) / propensity };
}

function robustTerms(
  experiences: readonly Experience[],
  terms: readonly Term[],
  predict: ReturnType<typeof fitCrossed>,
): number[] {
  return experiences.map(({ state, action, reward }, i) => {
    const { target, weight } = terms[i] as Term;
    const predicted = predict(state, i);
    const direct = actions.reduce((sum, _, a) => sum + (target[a] as number) * (predicted[a] as number), 0);
    return direct + weight * (reward - (predicted[actionIndex(action)] as number));
  });
}

/** Standard normal, two-sided 95 %. */
const z95 = 1.959964;

function estimateMean(values: readonly number[]): Estimate {
  const value = mean(values);
  const squares = values.reduce((sum, each) => sum + (each - value) ** 2, 0);
  return around(value, squares / Math.max(1, values.length - 1) / Math.max(1, values.length));
}

function estimateRatio(weights: readonly number[], rewards: readonly number[]): Estimate {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return { value: 0, interval: [0, 0] };
  const value = weights.reduce((sum, weight, i) => sum + weight * (rewards[i] as number), 0) / total;
  const squares = weights.reduce(
    (sum, weight, i) => sum + (weight * ((rewards[i] as number) - value)) ** 2,
    0,
  );
  return around(value, squares / total ** 2);
}

function around(value: number, variance: number): Estimate {
  const half = z95 * Math.sqrt(variance);
  return { value, interval: [value - half, value + half] };
}
