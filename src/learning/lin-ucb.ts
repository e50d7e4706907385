import type { Belief } from './belief.ts';
import { largest } from './exploration.ts';
import { createLinearPolicy, type LinearOptions } from './linear-policy.ts';
import { actions, type Policy } from './policy.ts';

/** Standard deviations above the mean. */
export const linUcbWidth = 0.6;

/**
 * LinUCB (Li, Chu, Langford & Schapire, WWW 2010): wants the action whose upper confidence bound is highest. Where that isn't
 * the one with the highest mean it is exploration, and gets as much as exploration is allowed.
 */
export function createLinUcb(options: LinearOptions, width = linUcbWidth): Policy {
  const wanted = ({ means, covariances }: Belief) => {
    const bounds = means.map(
      (mean, i) => mean + width * Math.sqrt(covariances[i * (actions.length + 1)] as number),
    );
    const chosen = largest(bounds);
    return actions.map((_, i) => (i === chosen ? 1 : 0));
  };
  return createLinearPolicy('linucb', wanted, options);
}
