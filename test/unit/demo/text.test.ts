import { describe, expect, it } from 'vitest';
import { displayWidth, wrap } from '../../../demo/text.ts';

describe('displayWidth', () => {
  it.each([
    ['abc', 3],
    ['휴가 규정', 9],
    ['T3 설명서', 9],
    ['e\u0301', 1],
    ['📦', 2],
    ['', 0],
  ])('%s takes %i columns', (text, columns) => {
    expect(displayWidth(text)).toBe(columns);
  });
});

describe('wrap', () => {
  it('keeps every line within the columns and loses no word', () => {
    const text = '업무용 노트북을 분실한 직원은 security desk (extension 4119)에 신고해야 한다.';
    const lines = wrap(text, 20);
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(20);
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.join(' ')).toBe(text);
  });

  it('breaks inside a word only when the word alone is too wide', () => {
    expect(wrap('가나다라마 ab', 6)).toEqual(['가나다', '라마', 'ab']);
  });

  it('keeps the line breaks of the text', () => {
    expect(wrap('one\n\ntwo', 20)).toEqual(['one', 'two']);
  });
});
