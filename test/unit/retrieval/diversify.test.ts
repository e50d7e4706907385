import { expect, it } from 'vitest';
import { diversify } from '../../../src/retrieval/diversify.ts';

const candidates = ['a1', 'a2', 'a3', 'b1', 'a4', 'c1', 'b2'];
const documentOf = (candidate: string) => candidate[0];
const choose = (k: number, most: number) => diversify(candidates, documentOf, { k, most });

it('lets no document fill the list, and keeps the order', () => {
  expect(choose(3, 1)).toEqual(['a1', 'b1', 'c1']);
  expect(choose(4, 2)).toEqual(['a1', 'a2', 'b1', 'c1']);
});

it('fills up with the best of the others where documents are few', () => {
  expect(choose(5, 1)).toEqual(['a1', 'a2', 'a3', 'b1', 'c1']);
  expect(choose(50, 1)).toEqual(candidates);
});

it('changes nothing without a limit that bites', () => {
  expect(choose(4, 10)).toEqual(candidates.slice(0, 4));
});

it('leaves out candidates whose document is gone', () => {
  expect(diversify(candidates, (c) => (c.startsWith('a') ? undefined : c[0]), { k: 2, most: 1 })).toEqual([
    'b1',
    'c1',
  ]);
});
