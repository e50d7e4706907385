import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bucket } from '../../src/flag-service.ts';
import { flagKeys, flagList } from '../../src/flags.ts';

describe('the flags', () => {
  it('are off by default and say in a sentence what they do', () => {
    for (const key of flagKeys) {
      expect(key).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(flagList[key].default).toBe(false);
      expect(flagList[key].description).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('bucket', () => {
  const callers = Array.from({ length: 4000 }, () => randomUUID());

  it('gives a caller the same place in 0…100 every time', () => {
    for (const id of callers.slice(0, 50)) {
      const place = bucket('debate_mode', id);
      expect(bucket('debate_mode', id)).toBe(place);
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThan(100);
    }
    expect(bucket('debate_mode', 'caller-1')).not.toBe(bucket('debate_mode', 'caller-2'));
  });

  it('spreads callers evenly', () => {
    for (const percent of [1, 10, 50, 90]) {
      const share = callers.filter((id) => bucket('debate_mode', id) < percent).length / callers.length;
      // Six standard deviations of a binomial share.
      const tolerance = 6 * Math.sqrt(((percent / 100) * (1 - percent / 100)) / callers.length);
      expect(Math.abs(share - percent / 100)).toBeLessThan(tolerance);
    }
  });

  it('is independent between flags', () => {
    const half = callers.filter((id) => bucket('debate_mode', id) < 50);
    const both = half.filter((id) => bucket('mcp_tools', id) < 50).length / half.length;
    expect(Math.abs(both - 0.5)).toBeLessThan(6 * Math.sqrt(0.25 / half.length));
  });
});
