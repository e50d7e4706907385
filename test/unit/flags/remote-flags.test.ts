import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FlagSnapshot } from '../../../src/flag-service.ts';
import { flagStates, prepareFlag } from '../../../src/flags/evaluate.ts';
import { createOfrepProvider } from '../../../src/flags/ofrep-provider.ts';
import { openRemoteFlags, type RemoteFlags } from '../../../src/flags/remote-flags.ts';
import { createLog } from '../../../src/log.ts';
import { type OfrepStandIn, startOfrepStandIn } from '../../support/ofrep-stand-in.ts';
import { waitFor } from '../../support/wait-for.ts';

let other: OfrepStandIn;
let remote: RemoteFlags;
const outcomes: string[] = [];
beforeAll(async () => {
  other = await startOfrepStandIn();
  other.flags.meta_planner = { value: true, variant: 'treatment', reason: 'SPLIT' };
  remote = openRemoteFlags(createOfrepProvider({ url: other.origin, timeoutMs: 150 }), {
    log: createLog('silent'),
    observe: (outcome) => outcomes.push(outcome),
    restMs: 200,
  });
});
afterAll(async () => {
  await remote.close();
  await other.close();
});

const prepared = flagStates(new Map(), { debate_mode: true }).map(prepareFlag);
let callers = 0;
const newCaller = () => ({ id: `caller-${++callers}`, by: 'header' as const });
const decide = async (caller = newCaller()): Promise<FlagSnapshot> => {
  const stored = prepared.map((flag) => [flag.key, flag.evaluate(caller)]);
  return remote.decide(caller, Object.fromEntries(stored));
};

describe('a provider of flags', () => {
  it('is asked once for all flags of all who come at the same time for one caller', async () => {
    const caller = newCaller();
    const found = await Promise.all(Array.from({ length: 20 }, () => decide(caller)));
    for (const snapshot of found) {
      expect(snapshot.meta_planner).toMatchObject({ on: true, reason: 'provider', variant: 'treatment' });
      expect(snapshot.debate_mode).toMatchObject({ on: true, reason: 'env', resolution_reason: 'STATIC' });
    }
    expect(other.requests.filter(({ context }) => context.targetingKey === caller.id)).toHaveLength(1);
  });

  it.each([
    ['fails', { status: 500, body: '{}' }],
    ['talks nonsense', { status: 200, body: '<html>' }],
    ['says something else', { status: 200, body: '{"flags": {"meta_planner": true}}' }],
    ['refuses', { status: 401 }],
    ['sends elsewhere', { status: 302 }],
    ['hangs', 'hangs'],
    ['hangs in the middle', 'hangs after the headers'],
  ] as const)('that %s leaves its last values, else the stored ones', async (_, behaviour) => {
    const known = newCaller();
    await waitFor('it answers', async () => (await decide(known)).meta_planner.resolution_reason === 'SPLIT');
    other.script(() => behaviour);
    await waitFor('that is noticed', async () => (await decide(known)).meta_planner.error_code);
    const [before, never] = [await decide(known), await decide()];
    expect(before.meta_planner).toMatchObject({ on: true, reason: 'provider', resolution_reason: 'STALE' });
    expect(never.meta_planner).toMatchObject({ on: false, reason: 'default', resolution_reason: 'ERROR' });
    expect(never.debate_mode).toMatchObject({ on: true, reason: 'env', resolution_reason: 'ERROR' });
    expect(remote.answers()).toBe(false);
    other.script([]);
  });

  it('that fails is asked by one at a time, so that nobody else waits', async () => {
    await waitFor('it answers', async () => (await decide()).meta_planner.on);
    other.script(() => 'hangs');
    await decide();
    const failures = outcomes.length;
    await Promise.all(Array.from({ length: 50 }, () => decide()));
    expect(outcomes.length - failures).toBeLessThanOrEqual(1);
  });
});
