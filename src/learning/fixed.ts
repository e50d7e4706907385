import { actionIndex, actions, fixedAction, type Policy } from './policy.ts';

/** Hybrid search, always: what happens without learning, and what learning has to beat. */
export function createFixed(): Policy {
  const probabilities = actions.map((_, i) => (i === actionIndex(fixedAction) ? 1 : 0));
  return {
    name: 'fixed',
    probabilities: () => [...probabilities],
    decide: () => ({ action: fixedAction, propensity: 1, explored: false }),
    update: () => {},
    toJSON: () => ({ version: 1, policy: 'fixed' }),
  };
}
