import { describe, expect, it } from 'vitest';
import { grouped, type Outcome } from '../../src/grouped.ts';

/** A grouping whose groups end when the test says so. */
function held(atOnce: number, most = 100) {
  const groups: {
    items: readonly number[];
    end: (outcomes?: Outcome<number>[]) => void;
    fail: (error: Error) => void;
  }[] = [];
  const give = grouped<number, number>(
    { atOnce, most },
    (items) =>
      new Promise((resolve, reject) => {
        const doubled = items.map((item) => ({ value: 2 * item }));
        groups.push({ items, end: (outcomes = doubled) => resolve(outcomes), fail: reject });
      }),
  );
  const begun = () => groups.map(({ items }) => items);
  return { give, groups, begun };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('grouped', () => {
  it('does together what came in one turn, and what comes meanwhile when a place is free', async () => {
    const { give, groups, begun } = held(1);
    const first = [1, 2].map(give);
    await turn();
    expect(begun()).toEqual([[1, 2]]);
    const second = [3, 4, 5].map(give);
    await turn();
    expect(begun()).toEqual([[1, 2]]);
    groups[0]?.end();
    expect(await Promise.all(first)).toEqual([2, 4]);
    await turn();
    expect(begun()).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    groups[1]?.end();
    expect(await Promise.all(second)).toEqual([6, 8, 10]);
  });

  it('begins another group beside those under way up to the limit, and none larger than the most', async () => {
    const { give, groups, begun } = held(2, 2);
    const all = [1, 2, 3, 4, 5].map(give);
    await turn();
    expect(begun()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    groups[1]?.end();
    await Promise.all(all.slice(2, 4));
    await turn();
    expect(begun()).toHaveLength(3);
    groups[0]?.end();
    groups[2]?.end();
    expect(await Promise.all(all)).toEqual([2, 4, 6, 8, 10]);
  });

  it('gives each piece its own error, and all of a group the error of its run; then goes on', async () => {
    const { give, groups } = held(1);
    const settled = Promise.allSettled([1, 2].map(give));
    await turn();
    const own = new Error('only the second');
    groups[0]?.end([{ value: 7 }, { error: own }]);
    expect(await settled).toEqual([
      { status: 'fulfilled', value: 7 },
      { status: 'rejected', reason: own },
    ]);
    const failing = Promise.allSettled([3, 4].map(give));
    await turn();
    const shared = new Error('all of them');
    groups[1]?.fail(shared);
    expect(await failing).toEqual([
      { status: 'rejected', reason: shared },
      { status: 'rejected', reason: shared },
    ]);
    const last = give(5);
    await turn();
    groups[2]?.end();
    expect(await last).toBe(10);
  });
});
