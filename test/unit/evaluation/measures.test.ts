import { describe, expect, it } from 'vitest';
import { bootstrap, mean, ndcg, recall, reciprocalRank } from '../../../src/evaluation/measures.ts';
import { seededRandom } from '../../../src/evaluation/random.ts';

const judged = new Map([
  ['a', 3],
  ['b', 2],
  ['c', 1],
]);

describe('nDCG', () => {
  it('is the discounted gain over the best possible one', () => {
    // x, b, a: 0/log2(2) + 2/log2(3) + 3/log2(4) = 1.2618595 + 1.5; ideal 3 + 2/log2(3) + 1/2 = 4.7618595
    expect(ndcg(['x', 'b', 'a'], judged, 10)).toBeCloseTo(2.7618595 / 4.7618595, 7);
  });

  it('cuts both the ranking and the ideal at k', () => {
    expect(ndcg(['x', 'a'], judged, 1)).toBe(0);
    expect(ndcg(['b'], judged, 1)).toBeCloseTo(2 / 3, 12);
  });

  it('is 1 for the ideal order and 0 without judgements', () => {
    expect(ndcg(['a', 'b', 'c'], judged, 10)).toBeCloseTo(1, 12);
    expect(ndcg(['a'], new Map(), 10)).toBe(0);
  });
});

it('recall is the share of the relevant found among the first k', () => {
  expect(recall(['x', 'a', 'c', 'b'], judged, 3)).toBeCloseTo(2 / 3, 12);
  expect(recall(['a'], new Map([['a', 0]]), 10)).toBe(0);
});

it('reciprocal rank counts from the first relevant one, within k', () => {
  expect(reciprocalRank(['x', 'y', 'c', 'a'], judged, 10)).toBeCloseTo(1 / 3, 12);
  expect(reciprocalRank(['x', 'y', 'c'], judged, 2)).toBe(0);
});

describe('bootstrap', () => {
  it('repeats with its seed and holds the mean', () => {
    const values = Array.from({ length: 50 }, (_, i) => (i % 5) / 4);
    const [low, high] = bootstrap(values);
    expect(bootstrap(values)).toEqual([low, high]);
    expect(low).toBeLessThan(mean(values));
    expect(high).toBeGreaterThan(mean(values));
  });

  it('comes near the normal interval: mean ± 1.96 standard errors', () => {
    const values = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 1 : 0));
    const [low, high] = bootstrap(values, 10_000);
    expect(low).toBeCloseTo(0.5 - 1.96 * 0.025, 1.9);
    expect(high).toBeCloseTo(0.5 + 1.96 * 0.025, 1.9);
  });

  it('is a point where nothing varies, and zero of nothing', () => {
    expect(bootstrap([0.25, 0.25, 0.25])).toEqual([0.25, 0.25]);
    expect(bootstrap([])).toEqual([0, 0]);
  });
});

it('seeded numbers are uniform enough, and differ by seed', () => {
  const random = seededRandom(7);
  const drawn = Array.from({ length: 10_000 }, random);
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...drawn)).toBeLessThan(1);
  expect(mean(drawn)).toBeCloseTo(0.5, 1.7);
  for (let tenth = 0; tenth < 10; tenth++) {
    const share = drawn.filter((value) => Math.floor(value * 10) === tenth).length;
    expect(share).toBeGreaterThan(850);
    expect(share).toBeLessThan(1150);
  }
  expect(seededRandom(8)()).not.toBe(seededRandom(7)());
});
