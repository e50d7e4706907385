import { describe, expect, it } from 'vitest';
import { createFailedKeys } from '../../../src/callers/failed-keys.ts';

describe('createFailedKeys', () => {
  const start = () => {
    let now = 1000;
    const failed = createFailedKeys(() => now);
    const wait = (ms: number) => {
      now += ms;
    };
    return { failed, wait };
  };
  const exhaust = (count: (address: string) => unknown, address: string) =>
    Array.from({ length: 20 }, () => count(address));

  it('hears twenty of an address at once, and then one in three seconds', () => {
    const { failed, wait } = start();
    expect(new Set(exhaust(failed.count, '192.0.2.1'))).toEqual(new Set([undefined]));
    expect(failed.tooMany('192.0.2.1')).toBe(true);
    expect(failed.count('192.0.2.1')).toBeCloseTo(3);
    wait(3100);
    expect(failed.tooMany('192.0.2.1')).toBe(false);
    expect(failed.count('192.0.2.1')).toBeUndefined();
    expect(failed.count('192.0.2.1')).toBeGreaterThan(0);
    wait(120_000);
    expect(new Set(exhaust(failed.count, '192.0.2.1'))).toEqual(new Set([undefined]));
  });

  it('knows one caller by the first half of a version 6 address, and in both ways to write version 4', () => {
    const { failed } = start();
    exhaust(failed.count, '2001:db8:1:2::1');
    expect(failed.tooMany('2001:db8:1:2:ffff::9')).toBe(true);
    expect(failed.tooMany('2001:db8:1:3::1')).toBe(false);
    exhaust(failed.count, '::ffff:192.0.2.9');
    expect(failed.tooMany('192.0.2.9')).toBe(true);
    expect(failed.tooMany('192.0.2.8')).toBe(false);
    expect(failed.tooMany(undefined)).toBe(false);
  });
});
