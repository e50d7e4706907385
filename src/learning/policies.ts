import { z } from 'zod';
import { cellsSchema } from './cells.ts';
import { checkExploration, defaultExploration, type Exploration } from './exploration.ts';
import { createFixed } from './fixed.ts';
import { createLinUcb } from './lin-ucb.ts';
import type { Policy } from './policy.ts';
import { createSoftQ, softQSchema } from './soft-q.ts';
import { createThompson } from './thompson.ts';

export const policyNames = ['thompson', 'linucb', 'soft_q', 'fixed'] as const;
export type PolicyName = (typeof policyNames)[number];

const version = z.literal(1);

/** What `toJSON` of a policy gives, of the one version there is. */
export const policySnapshotSchema = z.discriminatedUnion('policy', [
  z.strictObject({ version, policy: z.literal('thompson'), cells: cellsSchema }),
  z.strictObject({ version, policy: z.literal('linucb'), cells: cellsSchema }),
  z.strictObject({ version, policy: z.literal('soft_q'), ...softQSchema.shape }),
  z.strictObject({ version, policy: z.literal('fixed') }),
]);
export type PolicySnapshot = z.infer<typeof policySnapshotSchema>;

/** A policy that has learned nothing yet. Throws RangeError where the exploration isn't possible. */
export function createPolicy(name: PolicyName, exploration: Partial<Exploration> = {}): Policy {
  const bounds = checkExploration({ ...defaultExploration, ...exploration });
  switch (name) {
    case 'thompson':
      return createThompson({ exploration: bounds });
    case 'linucb':
      return createLinUcb({ exploration: bounds });
    case 'soft_q':
      return createSoftQ(bounds);
    case 'fixed':
      return createFixed();
  }
}

/**
 * A policy as it was when `toJSON` was called. How much it may explore isn't part of what it learned and is given anew.
 * Throws ZodError where the snapshot is of another version or damaged.
 */
export function restorePolicy(snapshot: unknown, exploration: Partial<Exploration> = {}): Policy {
  const bounds = checkExploration({ ...defaultExploration, ...exploration });
  const learned = policySnapshotSchema.parse(snapshot);
  switch (learned.policy) {
    case 'thompson':
      return createThompson({ exploration: bounds, cells: learned.cells });
    case 'linucb':
      return createLinUcb({ exploration: bounds, cells: learned.cells });
    case 'soft_q':
      return createSoftQ(bounds, learned);
    case 'fixed':
      return createFixed();
  }
}
