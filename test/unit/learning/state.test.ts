import { describe, expect, it } from 'vitest';
import { stateAt, stateCount, stateKey } from '../../../src/learning/policy.ts';
import { intents, levelsOf, stateFromKey, stateOf } from '../../../src/learning/state.ts';
import { questionKinds } from '../../../workers/answer/intent.ts';

describe('a state', () => {
  it('has a key that it can be had from again', () => {
    for (let n = 0; n < stateCount; n++) expect(stateFromKey(stateKey(stateAt(n)))).toEqual(stateAt(n));
    for (const text of ['', 'c0-i0-k0', 'c3-i0-k0-v0', 'c0-i4-k0-v0', ' c0-i0-k0-v0'])
      expect(() => stateFromKey(text)).toThrow(RangeError);
  });

  it('knows every kind of question, by numbers that stay', () => {
    expect([...intents].sort()).toEqual([...questionKinds].sort());
    expect(stateOf('Which is it?', 'comparison', { keyword: 1, vector: 2 })).toEqual({
      ...{ complexity: 0, intent: 2, keyword: 1, vector: 2 },
    });
  });

  it('has no more evidence of a leg that did not run than of one that found nothing', () => {
    expect(levelsOf({ keyword: 0, vector: null })).toEqual({ keyword: 0, vector: 0 });
    expect(levelsOf({ keyword: 1, vector: 1 })).toEqual({ keyword: 2, vector: 2 });
  });
});
