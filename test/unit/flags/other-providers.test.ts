import { InMemoryProvider, StandardResolutionReasons } from '@openfeature/server-sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { bucket, type FlagSnapshot } from '../../../src/flag-service.ts';
import { flagStates, prepareFlag } from '../../../src/flags/evaluate.ts';
import { openRemoteFlags, type RemoteFlags } from '../../../src/flags/remote-flags.ts';
import { createLog } from '../../../src/log.ts';
import { waitFor } from '../../support/wait-for.ts';

type Configuration = ConstructorParameters<typeof InMemoryProvider>[0];

const variants = { on: true, off: false };
/** As a server with a share of its own would say it: by the caller, and by what kind of identity that is. */
const configuration = {
  meta_planner: {
    ...{ variants, defaultVariant: 'off', disabled: false },
    contextEvaluator: ({ targetingKey = '' }) => (bucket('meta_planner', targetingKey) < 30 ? 'on' : 'off'),
  },
  debate_mode: { variants, defaultVariant: 'on', disabled: true },
  mcp_tools: { variants: { much: 'yes' }, defaultVariant: 'much', disabled: false },
  soft_q_bandit: { variants, defaultVariant: 'gone', disabled: false },
  tools_policy: {
    ...{ variants, defaultVariant: 'off', disabled: false },
    contextEvaluator: ({ identity }) => (identity === 'conversation' ? 'on' : 'off'),
  },
} satisfies Configuration;

const stored = flagStates(new Map(), { debate_mode: true }).map(prepareFlag);
let remote: RemoteFlags | undefined;
afterEach(() => remote?.close());

function open(given: Configuration) {
  const provider = new InMemoryProvider(given);
  const opened = openRemoteFlags(provider, { log: createLog('silent'), observe: () => {} });
  remote = opened;
  const decide = async (id: string, by: 'header' | 'conversation' = 'header'): Promise<FlagSnapshot> => {
    const evaluated = stored.map((flag) => [flag.key, flag.evaluate({ id, by })]);
    return opened.decide({ id, by }, Object.fromEntries(evaluated));
  };
  return { provider, decide, opened };
}

/** Nothing here is of a protocol: whatever implements the interface of OpenFeature is treated alike. */
describe("the in-memory provider of OpenFeature's own SDK", () => {
  it('is told the caller, and decides by it', async () => {
    const { decide } = open(configuration);
    const callers = Array.from({ length: 2000 }, (_, n) => `user-${n}`);
    let on = 0;
    for (const caller of callers) {
      const { meta_planner } = await decide(caller);
      expect(meta_planner.on).toBe(bucket('meta_planner', caller) < 30);
      expect(meta_planner).toMatchObject({
        ...{ reason: 'provider', identity: 'header', variant: meta_planner.on ? 'on' : 'off' },
        resolution_reason: StandardResolutionReasons.TARGETING_MATCH,
      });
      on += Number(meta_planner.on);
    }
    expect(Math.abs(on / callers.length - 0.3)).toBeLessThan(0.03);
    expect((await decide('a conversation', 'conversation')).tools_policy.on).toBe(true);
    expect((await decide('a header')).tools_policy.on).toBe(false);
  });

  it('leaves as they are stored what it has disabled, does not know, or gets wrong', async () => {
    const { decide, opened } = open(configuration);
    const found = await decide('somebody');
    expect(found.debate_mode).toMatchObject({
      ...{ on: true, reason: 'provider', resolution_reason: StandardResolutionReasons.DISABLED },
    });
    expect(found.experience_replay).toMatchObject({ on: false, reason: 'default' });
    expect(found.mcp_tools).toMatchObject({
      ...{ on: false, reason: 'default', resolution_reason: 'ERROR', error_code: 'TYPE_MISMATCH' },
    });
    // One flag that errs is no provider that is gone.
    expect(found.soft_q_bandit.on).toBe(false);
    expect(opened.answers()).toBe(true);
  });

  it('is followed when its configuration changes', async () => {
    const { provider, decide } = open(configuration);
    expect((await decide('somebody')).tools_policy.on).toBe(false);
    const { tools_policy } = configuration;
    provider.putConfiguration({
      ...configuration,
      tools_policy: { ...tools_policy, contextEvaluator: () => 'on' },
    });
    await waitFor('it is on', async () => (await decide('somebody')).tools_policy.on);
  });
});
