import { afterEach, describe, expect, it, vi } from 'vitest';
import { grouped, type Outcome } from '../../src/grouped.ts';

/** A grouping whose groups end when the test says so. */
function held(most = 100, atOnce = 1) {
  const groups: {
    items: readonly number[];
    end: (outcomes?: Outcome<number>[]) => void;
    fail: (error: Error) => void;
  }[] = [];
  const give = grouped<number, number>(
    { atOnce, most, patienceMs: 50 },
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

afterEach(() => {
  vi.useRealTimers();
});

describe('grouped', () => {
  it('does together what came in one turn, and what comes meanwhile when a place is free', async () => {
    const { give, groups, begun } = held();
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

  it('begins another group when one takes too long, and none larger than the most', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { give, groups, begun } = held(2);
    const all = [1, 2, 3, 4, 5].map(give);
    await turn();
    expect(begun()).toEqual([[1, 2]]);
    vi.advanceTimersByTime(49);
    expect(begun()).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(begun()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    groups[0]?.end();
    await Promise.all(all.slice(0, 2));
    await turn();
    expect(begun(), 'the late one makes no second place').toHaveLength(2);
    groups[1]?.end();
    await Promise.all(all.slice(2, 4));
    await turn();
    groups[2]?.end();
    expect(await Promise.all(all)).toEqual([2, 4, 6, 8, 10]);
  });

  it('has as many groups under way as there are places', async () => {
    const { give, groups, begun } = held(100, 2);
    const all = [give(1)];
    await turn();
    all.push(give(2));
    await turn();
    all.push(give(3), give(4));
    await turn();
    expect(begun()).toEqual([[1], [2]]);
    groups[1]?.end();
    await all[1];
    await turn();
    expect(begun()).toEqual([[1], [2], [3, 4]]);
    groups[0]?.end();
    groups[2]?.end();
    expect(await Promise.all(all)).toEqual([2, 4, 6, 8]);
  });

  it('gives each piece its own error, and all of a group the error of its run; then goes on', async () => {
    const { give, groups } = held();
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
