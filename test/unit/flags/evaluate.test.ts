import { describe, expect, it } from 'vitest';
import { bucket, type FlagState } from '../../../src/flag-service.ts';
import { flagState, prepareFlag } from '../../../src/flags/evaluate.ts';
import { rolloutIdentity } from '../../../src/flags/rollout-identity.ts';
import { type FlagKey, flagKeys, flagList } from '../../../src/flags.ts';
import { createRandom } from '../../chaos/random.ts';

const stored = {
  key: 'debate_mode' as FlagKey,
  ...{ enabled: true, rollout_percent: 100, killed: false, version: 3 },
  ...{ reason: 'a try', updated_by: 'somebody', updated_at: new Date(0) },
};
const caller = (id: string) => ({ id, by: 'header' as const });
const random = createRandom(20_000);
const callers = Array.from({ length: 20_000 }, () => caller(`user-${random.int(2 ** 30)}`));
const at = (key: FlagKey, percent: number) =>
  prepareFlag(flagState(key, { ...stored, key, rollout_percent: percent }, undefined));
const inside = (key: FlagKey, percent: number) => {
  const flag = at(key, percent);
  return callers.map((one) => flag.evaluate(one).on);
};

describe('the flags', () => {
  it('are off by default and say in a sentence what they do', () => {
    for (const key of flagKeys) {
      expect(key).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(flagList[key].default).toBe(false);
      expect(flagList[key].description).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('a share of callers', () => {
  it('is met within a point by 20,000 of them, for every flag', () => {
    for (const key of flagKeys)
      for (const percent of [10, 50]) {
        const share = (inside(key, percent).filter(Boolean).length / callers.length) * 100;
        expect(Math.abs(share - percent), `${key} at ${percent}`).toBeLessThanOrEqual(1);
      }
  });

  it('loses nobody when it is raised', () => {
    for (const key of flagKeys) {
      const stages = [0, 10, 50, 100].map((percent) => inside(key, percent));
      for (const [n, stage] of stages.entries())
        for (const [i, on] of stage.entries()) if (on && !stages.at(n + 1)?.[i] && n < 3) expect.fail(key);
    }
  });

  it('is exact at both ends', () => {
    expect(inside('debate_mode', 0)).not.toContain(true);
    expect(inside('debate_mode', 100)).not.toContain(false);
    expect(at('debate_mode', 0).evaluate(caller('x'))).toMatchObject({ on: false, percent: 0 });
  });

  it('has nothing to do with that of another flag', () => {
    const places = flagKeys.map((key) => callers.map(({ id }) => bucket(key, id) - 50));
    for (const [n, a] of places.entries())
      for (const b of places.slice(n + 1)) {
        // Of independent ones it has a standard deviation of 1/√20,000; 21 pairs are looked at.
        expect(Math.abs(correlation(a, b))).toBeLessThan(5 / Math.sqrt(callers.length));
      }
  });

  it('is decided the same way in every process and every version', () => {
    expect(bucket('debate_mode', 'user-1')).toBeCloseTo(34.2064, 4);
    expect(bucket('mcp_tools', 'user-1')).toBeCloseTo(37.9682, 4);
  });
});

function correlation(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe('an evaluation', () => {
  const evaluate = (state: FlagState) => prepareFlag(state).evaluate(caller('user-1'));

  it.each([
    [undefined, undefined, { on: false, reason: 'default', percent: 100, resolution_reason: 'DEFAULT' }],
    [undefined, true, { on: true, reason: 'env', percent: 100, resolution_reason: 'STATIC', variant: 'on' }],
    [undefined, false, { on: false, reason: 'env', resolution_reason: 'STATIC', variant: 'off' }],
    [stored, false, { on: true, reason: 'stored', resolution_reason: 'STATIC', version: 3 }],
    [{ ...stored, enabled: false }, true, { on: false, reason: 'stored', resolution_reason: 'DISABLED' }],
    [{ ...stored, killed: true }, true, { on: false, reason: 'kill', resolution_reason: 'DISABLED' }],
    [
      { ...stored, rollout_percent: 35 },
      undefined,
      {
        on: true,
        reason: 'rollout',
        percent: 35,
        resolution_reason: 'SPLIT',
        identity: 'header',
        version: 3,
      },
    ],
    [
      { ...stored, rollout_percent: 34 },
      undefined,
      { on: false, reason: 'rollout', percent: 34, resolution_reason: 'SPLIT', variant: 'off' },
    ],
  ])('is what is stored, else the environment, else the default (%#)', (override, env, expected) => {
    expect(evaluate(flagState('debate_mode', override, env))).toMatchObject(expected);
  });
});

describe('the identity of a caller', () => {
  const given = (header?: string) => ({ get: () => header });
  const key = { id: 'key-1' };

  it('is the header, else that of the conversation, else the key', () => {
    expect(rolloutIdentity(given(' u '), key, { id: 'v' })).toEqual({ id: 'u', by: 'header' });
    expect(rolloutIdentity(given(), key, { id: 'v' })).toEqual({ id: 'v', by: 'conversation' });
    expect(rolloutIdentity(given('  '), key)).toEqual({ id: 'key-1', by: 'key' });
  });

  it('is not longer than 200 characters', () => {
    expect(() => rolloutIdentity(given('x'.repeat(201)), key)).toThrow(/200/);
  });
});
