import type { StoredExperience } from '../db/experiences.ts';
import type { Learn } from '../db/learning.ts';
import { createPolicy, type PolicyName, restorePolicy } from './policies.ts';
import { type Action, actions, type Experience } from './policy.ts';
import { stateFromKey } from './state.ts';

/** How this policy learns: from its snapshot and experiences to the next snapshot. */
export function learnerOf(name: PolicyName): Learn {
  return (known, experiences) => {
    const policy = known === undefined ? createPolicy(name) : restorePolicy(known);
    policy.update(toExperiences(experiences));
    return policy.toJSON();
  };
}

/** As policies read them. Throws RangeError for a state or an action that there is not. */
export function toExperiences(rows: readonly StoredExperience[]): Experience[] {
  return rows.map(({ state, action, propensity, reward, replaces }) => ({
    ...{ state: stateFromKey(state), action: toAction(action), propensity, reward },
    ...(replaces !== null && { replaces }),
  }));
}

function toAction(text: string): Action {
  const action = actions.find((one) => one === text);
  if (!action) throw new RangeError(`${JSON.stringify(text)} is no action.`);
  return action;
}
