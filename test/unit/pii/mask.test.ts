import { describe, expect, it } from 'vitest';
import { analyze } from '../../../src/retrieval/analyze.ts';
import { countAll, describeCounts, maskText } from '../../../src/text/pii/mask.ts';
import { makeInstances } from '../../support/pii-instances.ts';

describe('maskText', () => {
  it('puts one index word in the place of each, and counts', () => {
    const { text, found } = maskText('김 010-1234-5678, kim@example.com과 이 02-123-4567');
    expect(text).toBe('김 [PHONE], [EMAIL]과 이 [PHONE]');
    expect(found).toEqual({ phone: 2, email: 1 });
    expect([describeCounts(found), countAll(found)]).toEqual(['2 phone, 1 email', 3]);
    expect(analyze('[PHONE]').words).toHaveLength(1);
  });

  it('says where an offset of the original is now', () => {
    const before = 'a 010-1234-5678 b kim@example.com c';
    const { text, moved } = maskText(before);
    expect(text).toBe('a [PHONE] b [EMAIL] c');
    for (const letter of ['a', ' b', ' c']) expect(text.indexOf(letter)).toBe(moved(before.indexOf(letter)));
    expect([2, 5, 15].map(moved)).toEqual([2, 9, 9]);
    expect(moved(before.length)).toBe(text.length);
  });

  it('leaves a masked text as it is', () => {
    const text = makeInstances(600, 3)
      .map((instance) => instance.text)
      .join('\n');
    const once = maskText(text);
    expect(countAll(once.found)).toBeGreaterThan(550);
    expect(maskText(once.text)).toMatchObject({ text: once.text, found: {} });
  });
});
