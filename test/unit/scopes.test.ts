import { describe, expect, it } from 'vitest';
import { inChunkSet, toChunkSet } from '../../src/db/chunk-set.ts';
import { createScopeCache, type KnownScope } from '../../src/db/scope-cache.ts';

describe('a set of chunk numbers', () => {
  it('has a bit for each of them, the lowest of a byte first', () => {
    const set = toChunkSet([12, 5, 6, 20]);
    expect(set).toMatchObject({ first: 5, last: 20, count: 4 });
    expect([...(set?.bits ?? [])]).toEqual([0b1000_0011, 0b1000_0000]);
    expect(inChunkSet(set as NonNullable<typeof set>, 'p.chunk_seq').bindings).toMatchObject({
      ...{ firstChunk: 5, lastChunk: 20 },
    });
  });

  it('counts beyond 32 bits', () => {
    const set = toChunkSet([2 ** 40, 2 ** 40 + 9]);
    expect([...(set?.bits ?? [])]).toEqual([1, 2]);
  });

  it('is none of nothing, nor of numbers that lie too far apart', () => {
    expect(toChunkSet([])).toBeUndefined();
    expect(toChunkSet([1, 2 ** 26])).toBeUndefined();
    expect(toChunkSet([1, 2 ** 25])).toBeDefined();
  });
});

describe('the cache of scopes', () => {
  const scope = (count: number): KnownScope => ({
    ...{ corpusVersion: 1, taxonomyVersion: null, set: undefined, used: false },
    seqs: Array.from({ length: count }, (_, seq) => seq),
  });

  it('forgets what was longest unused when it is full', () => {
    const cache = createScopeCache(3 * 8 * 1000 + 1500);
    for (const key of ['a', 'b', 'c']) cache.set(key, scope(1000));
    cache.get('a');
    cache.set('d', scope(1000));
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it('keeps nothing that is larger than all of it', () => {
    const cache = createScopeCache(5000);
    cache.set('small', scope(10));
    cache.set('large', scope(1000));
    expect(cache.get('large')).toBeUndefined();
    cache.set('small', scope(12));
    expect(cache.get('small')?.seqs).toHaveLength(12);
  });

  it('counts an entry once, however often it is written', () => {
    const cache = createScopeCache(2 * 8 * 1000 + 1200);
    for (let n = 0; n < 10; n++) cache.set('a', scope(1000));
    cache.set('b', scope(1000));
    expect(cache.get('a')).toBeDefined();
    expect(cache.get('b')).toBeDefined();
  });
});
