import type { TestContext } from 'vitest';
import { type Tier, tiers } from '../../src/config.ts';

/** The tier that this run is about: TEST_TIER, else the one that needs nothing but Node. */
export const tier = readTier(process.env.TEST_TIER || 'embedded');

function readTier(name: string): Tier {
  const known = tiers.find((one) => one === name);
  if (!known) throw new Error(`TEST_TIER must be one of ${tiers.join(', ')}, not ${name}.`);
  return known;
}

/** All that is not the same on every tier, where it is so, and why. */
const differences = {
  'a directory has one process': {
    on: ['embedded'],
    because: 'a second process would corrupt the database in it; a server has many clients',
  },
  'secrets are made at first start': {
    on: ['embedded'],
    because: 'processes of their own must agree on them, so there they have to be given',
  },
  'API and workers are processes of their own': {
    on: ['postgres', 'scale-out'],
    because: 'the embedded database lives in the process that has opened it',
  },
  'connections have sessions of their own': {
    on: ['postgres', 'scale-out'],
    because: 'the embedded database has one session, in which nobody waits for a lock',
  },
  'there is a Redis': {
    on: ['scale-out'],
    because: 'elsewhere the queues are in the database',
  },
} as const satisfies Record<string, { on: readonly Tier[]; because: string }>;

export type Difference = keyof typeof differences;

export function holdsHere(difference: Difference): boolean {
  return (differences[difference].on as readonly Tier[]).includes(tier);
}

/** Skips the running test, with the reason in the report, on tiers where the sentence does not hold. */
export function onlyWhere(test: TestContext, difference: Difference): void {
  const { on, because } = differences[difference];
  test.skip(!holdsHere(difference), `only on ${on.join(' and ')}, where ${difference}: ${because}`);
}
