import { mean } from '../evaluation/measures.ts';
import type { Experience } from './policy.ts';

const fewest = 100;
const smallestShare = 0.1;
const heaviest = 0.1;

/** Reasons to distrust off-policy estimates, as sentences. */
export function warningsOf(
  experiences: readonly Experience[],
  weights: readonly number[],
  effective: number,
): string[] {
  if (experiences.length === 0) return ['There are no experiences: nothing can be estimated.'];
  const warnings: string[] = [];
  const share = effective / experiences.length;
  if (effective < fewest)
    warnings.push(
      `The effective sample size is ${Math.round(effective)}, below ${fewest}: intervals are too narrow. More decisions like those of this policy are needed.`,
    );
  else if (share < smallestShare)
    warnings.push(
      `Only ${percent(share)} of the experiences count: the policy decides unlike the logged one, and few weigh for many.`,
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
