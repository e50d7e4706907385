import { expect, it } from 'vitest';
import { fuse, readableAmong, weightFor } from '../../../src/retrieval/fuse.ts';

it('combines both scores on absolute scales', () => {
  const [first] = fuse([{ seq: 1, keyword: 5, vector: 0.5, readable: 1 }], 0.6, 10);
  expect(first?.score).toBeCloseTo((0.5 + 0.6 * 0.5) / 1.6, 12);
});

it('leaves a passage that the model can not read to its words', () => {
  const [first] = fuse([{ seq: 1, keyword: 5, vector: 0.99, readable: 0 }], 0.6, 10);
  expect(first?.score).toBe(0.5);
});

it('stays within 0…1, whatever the cosine, and without a keyword scale', () => {
  const chunks = [
    { seq: 1, keyword: null, vector: -0.4, readable: 1 },
    { seq: 2, keyword: 10, vector: 1, readable: 1 },
    { seq: 3, keyword: null, vector: null, readable: 1 },
  ];
  for (const { score } of [...fuse(chunks, 0.6, 10), ...fuse(chunks, 0.6, 0)]) {
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
  }
});

it('breaks ties by seq', () => {
  const same = [3, 1, 2].map((seq) => ({ seq, keyword: 1, vector: 0.5, readable: 1 }));
  expect(fuse(same, 0.6, 2).map(({ seq }) => seq)).toEqual([1, 2, 3]);
});

it('weighs a half-read question far less than half', () => {
  expect(weightFor(1, 50)).toBeGreaterThan(0.5);
  expect(weightFor(0.5, 50)).toBeLessThan(weightFor(1, 50) / 4);
  expect(weightFor(0, 50)).toBe(0);
});

it('weighs cosine less the longer the question, by the root', () => {
  expect(weightFor(1, 200)).toBeCloseTo(weightFor(1, 50) / 2, 12);
  expect(weightFor(1, 0)).toBe(1);
});

it('judges what the model reads by the best passages that words found', () => {
  const read = Array.from({ length: 12 }, (_, i) => ({ seq: i, keyword: 20 - i, vector: 0.5, readable: 1 }));
  const foreign = { seq: 99, keyword: 30, vector: 0.9, readable: 0 };
  const byMeaningAlone = { seq: 100, keyword: null, vector: 0.9, readable: 0 };
  expect(readableAmong([...read, byMeaningAlone])).toBe(1);
  expect(readableAmong([...read, foreign])).toBeCloseTo(0.9, 12);
  expect(readableAmong([byMeaningAlone])).toBe(1);
});

it('never passes 1 by words that were found by their sound', () => {
  const [first] = fuse([{ seq: 1, keyword: 12, vector: null, readable: 1 }], 0.6, 10);
  expect(first?.score).toBe(1);
});
