import { expect, it } from 'vitest';
import { plainWorlds } from '../../eval/learning-options.ts';
import { knownPolicies, simulateWorld } from '../../eval/learning-simulation.ts';
import { seededRandom } from '../../src/evaluation/random.ts';
import { referenceThompson } from '../support/reference-bandit.ts';

const options = { seeds: Array.from({ length: 12 }, (_, i) => 501 + i), marks: [500, 5000], batch: 8 };

it.each(plainWorlds)('loses little on $states states with effects of sd $effect', (world) => {
  const { thompson, best_fixed, fixed } = knownPolicies();
  const regret = simulateWorld(
    world,
    {
      thompson: thompson as NonNullable<typeof thompson>,
      best_fixed: best_fixed as NonNullable<typeof best_fixed>,
      fixed: fixed as NonNullable<typeof fixed>,
      reference: (_, seed) => referenceThompson(seededRandom(seed + 9)),
    },
    options,
  ) as Record<'thompson' | 'best_fixed' | 'fixed' | 'reference', [number, number]>;
  expect(regret.thompson[0]).toBeLessThanOrEqual(1.05 * regret.fixed[0]);
  expect(regret.thompson[1]).toBeLessThanOrEqual(1.25 * regret.reference[1]);
  expect(regret.thompson[1]).toBeLessThanOrEqual(0.6 * regret.best_fixed[1]);
});
