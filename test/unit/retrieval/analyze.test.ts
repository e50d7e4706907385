import { describe, expect, it } from 'vitest';
import { analyze, analyzeQuestion, countWords, visitWords } from '../../../src/retrieval/analyze.ts';
import { isSound } from '../../../src/retrieval/sounds.ts';

const words = (text: string) => analyze(text).words;
/** Whether a question of this word finds a text: one of its index words is in the text's. */
const finds = (question: string, text: string) => words(question).some((word) => words(text).includes(word));

describe('Korean', () => {
  it.each([
    ['번역', '번역을'],
    ['번역', '번역은'],
    ['번역', '번역에서는'],
    ['번역', '번역했다'],
    ['번역', '번역됩니다'],
    ['번역', '기계번역'],
    ['번역하다', '번역을'],
    ['컴포넌트', '컴포넌트로부터'],
    ['연차휴가', '연차휴가라고'],
    ['물', '물을 마신다'],
    ['물', '물에서는 산다'],
    ['책', '이 책은 두껍다'],
    ['책', '책과 연필'],
    ['서울로', '서울'],
  ])('%s finds %s', (question, text) => {
    expect(finds(question, text)).toBe(true);
  });

  it('leaves no particle in the word', () => {
    expect(words('번역을')).not.toContain('번역을');
    expect(words('컴포넌트를')).toContain('컴포넌트');
  });

  it('does not cut a short word to nothing', () => {
    expect(words('나이')).toContain('나이');
    expect(words('도')).toEqual(expect.arrayContaining(['도']));
  });

  it('takes for a particle only what can follow the syllable before it', () => {
    expect(words('나이')).not.toContain('나');
    expect(words('국가')).not.toContain('국');
    expect(words('물로')).toContain('물');
    expect(words('책로')).not.toContain('책');
  });

  it('indexes decomposed and composed syllables alike', () => {
    expect(words('한국어를'.normalize('NFD'))).toEqual(words('한국어를'));
  });

  it('makes digits and their unit a word, beside the number', () => {
    expect(words('2월 15일에')).toEqual(expect.arrayContaining(['2', '2월', '15', '15일']));
    expect(words('3개를')).toEqual(expect.arrayContaining(['3', '3개']));
  });

  it('makes bigrams of Han and Kana', () => {
    expect(words('大韓民國')).toEqual(['大韓', '韓民', '民國']);
  });
});

describe('English', () => {
  it('stems, lowers and drops stop words', () => {
    expect(words('What are the Translations?')).toEqual(words('translation'));
    expect(words('what is the')).toEqual([]);
  });

  it('folds accents and full-width letters', () => {
    expect(words('Ｃａｆé Müller')).toEqual(words('cafe muller'));
  });

  it("treats possessives and contractions as one word's forms", () => {
    expect(words('Apple’s')).toEqual(words('apple'));
    expect(words("O'Neill")).toEqual(words('oneill'));
  });
});

describe('mixed scripts, numbers and codes', () => {
  it('splits at the border of scripts and drops a particle behind Latin letters', () => {
    expect(words('React를')).toEqual(['react']);
    expect(words('React컴포넌트')).toEqual(expect.arrayContaining(['react', '컴포넌트']));
  });

  it.each([
    ['COVID-19', ['covid19', 'covid', '19']],
    ['3.5mm', ['3.5mm', '3.5', 'mm']],
    ['v1.2.3', ['v1.2.3', 'v', '1.2.3']],
    ['RFC-9457', ['rfc9457', 'rfc', '9457']],
    ['RFC9457', ['rfc9457', 'rfc', '9457']],
    ['snake_case', ['snake', 'case']],
    ['1,000', ['1000']],
    ['１，０００', ['1000']],
    ['１０００', ['1000']],
    ['1,2,3', ['1', '2', '3']],
    ['ERR_0042', ['err0042', 'err', '0042']],
    ['C++', ['c++', 'c']],
    ['C#, F#', ['c#', 'c', 'f#', 'f']],
    ['C++17', ['c', '17']],
    ['C++로', ['c++', 'c']],
    ['useState', ['usest']],
  ])('%s', (text, expected) => {
    expect(words(text)).toEqual(expected);
  });

  it('ends a sentence without taking its full stop along', () => {
    expect(words('See v2.0. Then')).toEqual(words('See v2.0 then'));
  });
});

describe('hostile input', () => {
  it('makes no word of control characters, lone surrogates, NUL or emoji', () => {
    expect(words('\u0000a1\u0000 \ud800 😀 \u0007')).toEqual(['a1', '1']);
  });

  it('drops words longer than 64 characters', () => {
    expect(words('x'.repeat(65))).toEqual([]);
    expect(words(`${'x'.repeat(64)} y`)).toHaveLength(2);
  });

  it('takes megabytes without a space', () => {
    for (const piece of ['가', 'a', 'a-', "a'", '1,000', '\u0301', '漢']) {
      const { words: found } = countWords(piece.repeat(300_000));
      expect(found.every((word) => isSound(word) || word.length <= 64)).toBe(true);
    }
  });
});

describe('countWords', () => {
  it('counts what analyze lists', () => {
    const text = '번역을 번역하는 COVID-19 and translation translations 2월';
    const { words: distinct, frequencies, wordCount } = countWords(text);
    const expanded = distinct
      .flatMap((word, i) => new Array<string>(frequencies[i] ?? 0).fill(word))
      .filter((word) => !isSound(word));
    expect(expanded.sort()).toEqual(words(text).sort());
    expect(wordCount).toBe(words(text).length);
    expect(new Set(distinct).size).toBe(distinct.length);
  });

  it('caps frequencies at a smallint', () => {
    expect(countWords('bee '.repeat(40_000))).toEqual({
      words: ['bee'],
      frequencies: [32767],
      wordCount: 32767,
    });
  });
});

describe('words by their sound', () => {
  const findsBySound = (question: string, text: string) =>
    [...analyzeQuestion(question).sounds.keys()].some((sound) => countWords(text).words.includes(sound));

  it.each([
    ['컴포넌트를 렌더링하기', 'Rendering is what components do.'],
    ['워싱턴은 어디에 있나요?', 'Washington lies on the Potomac.'],
    ['How does streaming work?', '스트리밍은 이렇게 동작합니다.'],
    ['the library', '라이브러리를 설치하세요.'],
  ])('%s finds the other language: %s', (question, text) => {
    expect(findsBySound(question, text)).toBe(true);
  });

  it('find nothing in texts of the same script, whose words they would count twice', () => {
    expect(findsBySound('컴포넌트', '컴포넌트는 함수입니다.')).toBe(false);
    expect(findsBySound('component', 'A component is a function.')).toBe(false);
  });

  it('are not made of short words, nor of Korean ones that no loanword looks like', () => {
    expect(analyzeQuestion('카드').sounds.size).toBe(0);
    expect(analyzeQuestion('꽃밭에 앉았습니다').sounds.size).toBe(0);
  });

  it('do not count as length of the text', () => {
    expect(countWords('component').wordCount).toBe(1);
  });
});

it('visitWords gives the place of every word inside the text', () => {
  const text = '😀 기계번역은 COVID-19, ﬁnally 한국어'.normalize('NFD');
  visitWords(text, (word, start, end) => {
    expect(start).toBeGreaterThanOrEqual(0);
    expect(end).toBeGreaterThan(start);
    expect(text.slice(start, end), word).toMatch(/\S/);
    expect(text.slice(start, end), word).not.toMatch(/\s/);
  });
});

it('never cuts a character in two: every index word is whole text', () => {
  const astral = '𠮷𠮾𡈽 漢字𠮷 한글𝒜𝒷 👩‍👩‍👧 𠀀𠀁𠀂𠀃𠀀𠀁𠀂𠀃𠀀𠀁';
  const { words } = countWords(astral);
  expect(words.filter((word) => Buffer.from(word).toString() !== word)).toEqual([]);
  expect(words).toContain('𠮷𠮾');
  expect(new Set(words.map((word) => Buffer.from(word).toString('hex'))).size).toBe(words.length);
});
