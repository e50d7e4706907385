import { mean } from '../evaluation/measures.ts';

const fewest = 100;
const smallestShare = 0.1;
const heaviest = 0.1;

/** (Σw)² / Σw² (Kish 1965): so many of weight 1 would say as much. */
export function effectiveSize(weights: readonly number[]): number {
  const squares = weights.reduce((sum, weight) => sum + weight * weight, 0);
  return squares === 0 ? 0 : weights.reduce((sum, weight) => sum + weight, 0) ** 2 / squares;
}

/** Reasons to distrust off-policy estimates, as sentences; `fixed` has the weights of the fixed action. */
export function warningsOf(weights: readonly number[], fixed: readonly number[]): string[] {
  if (weights.length === 0) return ['There are no experiences: nothing can be estimated.'];
  const warnings: string[] = [];
  const effective = effectiveSize(weights);
  const share = effective / weights.length;
  if (effective < fewest)
    warnings.push(
      `The effective sample size is ${Math.round(effective)}, below ${fewest}: intervals are too narrow. More decisions like those of this policy are needed.`,
    );
  else if (share < smallestShare)
    warnings.push(
      `Only ${percent(share)} of the experiences count: the policy decides unlike the logged one, and few weigh for many.`,
    );
  if (effectiveSize(fixed) < fewest)
    warnings.push(
      `Fixed hybrid was logged too rarely (effective sample size ${Math.round(effectiveSize(fixed))}): the difference to it is unreliable.`,
    );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const most = weights.reduce((largest, weight) => Math.max(largest, weight), 0);
  if (total > 0 && most / total > heaviest)
    warnings.push(`One experience carries ${percent(most / total)} of all weight.`);
  return [...warnings, ...unlike(weights)];
}

/** Weights have mean 1 where every action that the policy takes could be logged and propensities are right. */
function unlike(weights: readonly number[]): string[] {
  const average = mean(weights);
  const variance = mean(weights.map((weight) => (weight - average) ** 2)) / weights.length;
  if (Math.abs(average - 1) <= 4 * Math.sqrt(variance) + 1e-6) return [];
  return [
    `Weights average ${average.toFixed(2)} and not 1: the policy takes actions that were never logged, or propensities are wrong. IPS and SNIPS are biased, and the doubly robust value rests on the model of rewards.`,
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
