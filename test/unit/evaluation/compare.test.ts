import { describe, expect, it } from 'vitest';
import { comparePaired } from '../../../src/evaluation/compare.ts';

const ones = (count: number) => new Array<number>(count).fill(1);
const zeros = (count: number) => new Array<number>(count).fill(0);

describe('comparePaired', () => {
  it('finds a difference that every query shows: only 2 of 2^10 labellings are as large', () => {
    const { difference, interval, p } = comparePaired(ones(10), zeros(10), { rounds: 100_000 });
    expect(difference).toBe(1);
    expect(interval).toEqual([1, 1]);
    expect(p).toBeCloseTo(2 / 1024, 3);
  });

  it('gives the exact share of labellings: differences 3, 2, −1 sum to 4 or more in 4 of 8', () => {
    // ±3 ±2 ±1: |6| twice, |4| twice, |2| twice, |0| twice
    const { p } = comparePaired([3, 2, 0], [0, 0, 1], { rounds: 100_000 });
    expect(p).toBeCloseTo(0.5, 1.9);
  });

  it('finds none where systems are equal, or differ in both directions alike', () => {
    expect(comparePaired([0.5, 0.25], [0.5, 0.25])).toMatchObject({ difference: 0, interval: [0, 0], p: 1 });
    const up = [...ones(20), ...zeros(20)];
    const { difference, interval, p } = comparePaired(up, up.toReversed());
    expect(difference).toBe(0);
    expect(interval[0]).toBeLessThan(0);
    expect(interval[1]).toBeGreaterThan(0);
    expect(p).toBe(1);
  });

  it('is symmetrical and repeats with its seed', () => {
    const first = [0.9, 0.4, 0.7, 0.1, 0.6];
    const second = [0.5, 0.5, 0.2, 0.3, 0.1];
    const there = comparePaired(first, second, { seed: 3 });
    const back = comparePaired(second, first, { seed: 3 });
    expect(back.difference).toBeCloseTo(-there.difference, 12);
    expect(back.p).toBe(there.p);
    expect(comparePaired(first, second, { seed: 3 })).toEqual(there);
  });

  it('refuses lists of different lengths', () => {
    expect(() => comparePaired([1], [1, 2])).toThrow(RangeError);
  });
});
