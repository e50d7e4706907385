import { describe, expect, it } from 'vitest';
import { startDraft } from '../../../workers/answer/draft.ts';
import { withoutForeignLinks } from '../../../workers/answer/foreign-links.ts';
import type { Progress } from '../../../workers/answer/progress.ts';
import { place } from './passages.ts';

const source = place(
  '신청서는 https://hanbit.example/forms 에서 받는다. 문의는 help@hanbit.example 로. See docs.hanbit.example/a?b=1, or www.hanbit.example.',
  { sourceUrl: 'https://wiki.hanbit.example/page' },
).passage;
const clean = (text: string) => withoutForeignLinks(text, [source]);

describe('withoutForeignLinks', () => {
  it.each([
    'The form is at https://hanbit.example/forms [1].',
    'See [the form](https://hanbit.example/forms) [1].',
    '양식은 https://hanbit.example/forms에서 받는다 [1].',
    'Write to help@hanbit.example [1], or see docs.hanbit.example/a?b=1 [1].',
    'Visit WWW.hanbit.example [2]. It is described at https://wiki.hanbit.example/page [1][3].',
    'A `List<String>` of Node.js 2.0 and/or U.S. law: 3/4 < 1, a > b; 24/7 [1, 2].',
    '매출은 3.5% 늘었다 [1]. 자세한 내용은 규정 제2조(정의)를 본다 【2】.',
    'Keep file.ts and v1.2.3 and e.g./i.e. as they are [^1].',
    '🏳️‍🌈 emoji sequences stay whole.',
  ])('keeps %j', (text) => expect(clean(text)).toBe(text));

  it.each([
    ['See [here](https://evil.example/?q=1) [1].', 'See here [1].'],
    ['Paid [2](https://evil.example/?q=1).', 'Paid [2].'],
    ['![x](https://evil.example/p.png?d=secret)Paid [1].', 'Paid [1].'],
    ['![x][ref] Paid [1].\n[ref]: https://evil.example/p.png', ' Paid [1].\n'],
    ['Paid <https://evil.example/a> [1].', 'Paid  [1].'],
    ['<img src="https://evil.example/p.png">Paid <a href=//evil.example>x</a> [1].', 'Paid x [1].'],
    ['<b>Paid</b><script>fetch(1)</script> [1].', 'Paidfetch(1) [1].'],
    ['Go to evil.example/collect?d=secret [1].', 'Go to  [1].'],
    ['Go to www.evil.example [1].', 'Go to  [1].'],
    ['Go to //evil.example/x [1].', 'Go to  [1].'],
    ['Go to hxxps://evil[.]example/x [1].', 'Go to  [1].'],
    ['Go to evil[.]example/x or evil (dot) example [1].', 'Go to  or  [1].'],
    ['Go to h t t p s : / / e v i l . e x a m p l e', 'Go to '],
    ['Go to ｈｔｔｐｓ：／／ｅｖｉｌ．ｅｘａｍｐｌｅ／ｘ [1].', 'Go to  [1].'],
    ['Go to &#104;ttps://evil.example&#47;x [1].', 'Go to  [1].'],
    ['Go to ht\u200btps://ev\u00adil.example/x [1].', 'Go to  [1].'],
    ['Write to eve@evil.example or mailto:eve@evil.example [1].', 'Write to  or  [1].'],
    ['Open javascript:alert(1) or data:text/html,x [1].', 'Open (1) or  [1].'],
    ['Open 10.0.0.7:8080/x [1].', 'Open  [1].'],
    ['[a [b] c](//evil.example)', '[a [b] c]'],
    ['https://hanbit.example/forms?d=secret', ''],
    ['Hidden \u{e0068}\u{e0069}text', 'Hidden text'],
  ])('takes the address out of %j', (text, left) => expect(clean(text)).toBe(left));

  it('takes time by the length of the text alone', () => {
    const long = `${'a'.repeat(50_000)} ${'a.'.repeat(25_000)} ${'['.repeat(20_000)} ${'<a '.repeat(10_000)}`;
    expect(clean(long).length).toBeGreaterThan(50_000);
  });
});

describe('a draft', () => {
  const told = (pieces: string[], end = true) => {
    const progress: Progress[] = [];
    const draft = startDraft((one) => progress.push(one), [source], '7f3a9c| ');
    for (const piece of pieces) draft.write(piece);
    if (end) draft.end();
    return progress.map((one) => (one.type === 'delta' ? one.data.text : one.type));
  };

  it('comes word by word, and is all there at the end', () => {
    const pieces = told(['The allow', 'ance is 45 ', 'euros [1]', '. Next', ' one.']);
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join('')).toBe('The allowance is 45 euros [1]. Next one.');
  });

  it('never shows an address that no source has, not even the beginning of one', () => {
    const text =
      'Paid. ![a b](https://evil.example/p.png?d=secret) See [my page](https://evil.example/x) now. ';
    const pieces = told([...text]);
    expect(pieces.join('')).not.toMatch(/evil|https|secret|!\[/);
    expect(pieces.join('')).toContain('Paid.');
  });

  it('tells nothing of the token that stands for no answer, nor of marks', () => {
    expect(told([...'NO_ANSWER'])).toEqual([]);
    expect(told(['7f3a9c| The allow', 'ance is 45.']).join('')).toBe('The allowance is 45.');
  });

  it('takes back what it told, once', () => {
    const progress: string[] = [];
    const draft = startDraft(({ type }) => progress.push(type), [], 'x| ');
    draft.restart('nothing was told');
    draft.write('Some words ');
    draft.restart('it failed');
    draft.restart('again');
    expect(progress).toEqual(['delta', 'restart']);
  });
});
