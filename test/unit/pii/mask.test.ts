import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/evaluation/random.ts';
import { analyze } from '../../../src/retrieval/analyze.ts';
import { countAll, describeCounts, maskText } from '../../../src/text/pii/mask.ts';
import { createWindowMasker, type MaskedPiece } from '../../../src/text/pii/mask-windows.ts';
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

describe('a text in windows', () => {
  const text = makeInstances(300, 5)
    .map((instance) => instance.text)
    .join('\n');
  const whole = maskText(text);

  it.each([1, 40, 900, 20_000])('of up to %i characters is masked as the whole is', (longest) => {
    const random = seededRandom(longest);
    const masker = createWindowMasker();
    const pieces: MaskedPiece[] = [];
    for (let at = 0; at < text.length; ) {
      const next = at + 1 + Math.floor(random() * longest) + (longest === 1 ? 99 : 0);
      pieces.push(masker.push(text.slice(at, next)));
      at = next;
    }
    pieces.push(masker.end());
    expect(pieces.map((piece) => piece.text).join('')).toBe(whole.text);
    expect(pieces.reduce((sum, { found }) => sum + countAll(found), 0)).toBe(countAll(whole.found));
    let start = 0;
    for (const piece of pieces) {
      expect(piece.start).toBe(start);
      start += piece.length;
    }
    expect(start).toBe(text.length);
  });
});
