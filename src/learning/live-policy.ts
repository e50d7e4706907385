import type { Knex } from 'knex';
import { findLivePolicy } from '../db/policies.ts';
import type { Log } from '../log.ts';
import { type PolicyName, restorePolicy } from './policies.ts';
import type { Policy } from './policy.ts';

/** What a version that was published is believed for: then it is in force in every process within a second. */
const believedMs = 500;

export interface LivePolicy {
  version: number;
  policy: Policy;
}

export interface LivePolicies {
  /** Of the policy that is configured. */
  readonly name: PolicyName;
  /** The version in force; null before the first, and where it can't be read as a policy. */
  current(): Promise<LivePolicy | null>;
}

/** What decides in this process: the newest published version, restored once. */
export function createLivePolicies(db: Knex, name: PolicyName, log: Log): LivePolicies {
  let known: LivePolicy | null = null;
  let reading: { at: number; done: Promise<LivePolicy | null> } | undefined;
  const read = async () => {
    const found = await findLivePolicy(db, name, known?.version);
    if (found === 'same') return known;
    try {
      known = found ? { version: found.number, policy: restorePolicy(found.snapshot) } : null;
    } catch (error) {
      log.error({ err: error, version: found?.number }, 'a policy version can not be read: hybrid is used');
      known = null;
    }
    return known;
  };
  return {
    name,
    current: () => {
      if (!reading || performance.now() - reading.at > believedMs) {
        const done = read();
        reading = { at: performance.now(), done };
        // What could not be read is asked for again, by the next answer.
        done.catch(() => {
          reading = undefined;
        });
      }
      return reading.done;
    },
  };
}
