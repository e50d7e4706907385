import { Tokenizer } from '@huggingface/tokenizers';
import { beforeAll, describe, expect, it } from 'vitest';
import { findModel } from '../../../src/models/model-files.ts';
import { createReadability } from '../../../src/models/readability.ts';

describe('what the English model can read', () => {
  let reads: (text: string) => number;
  beforeAll(async () => {
    const { tokenizer, tokenizerConfig } = await findModel();
    reads = createReadability(new Tokenizer(tokenizer, tokenizerConfig));
  });

  it.each([
    'What is the boiling point of water?',
    'Angiotensin converting enzyme inhibitors reduce 0-dimensional biomaterials.',
    'a naïve café',
    'what similarity laws must be obeyed when constructing aeroelastic models',
  ])('English: %s', (text) => expect(reads(text)).toBeGreaterThan(0.9));

  it.each([
    '대한민국의 수도는 어디인가?',
    '임종석이 여의도 농민 폭력 시위를 주도한 혐의로 지명수배 된 날은?',
    'как это работает',
    '什么是机器学习',
    'ما هي عاصمة مصر',
  ])('not other writing: %s', (text) => expect(reads(text)).toBeLessThan(0.05));

  it.each(['React에서 useEffect를 쓰는 방법은?', 'TypeScript 컴파일러 옵션 설정하기'])(
    'mixed text in part: %s',
    (text) => {
      expect(reads(text)).toBeGreaterThan(0.2);
      expect(reads(text)).toBeLessThan(0.8);
    },
  );

  it('does not depend on how Hangul is composed', () => {
    const text = 'React에서 상태를 올리기';
    expect(reads(text.normalize('NFD'))).toBeCloseTo(reads(text.normalize('NFC')), 10);
  });

  it.each(['', '42', '?!', 'a', '2024-11-23'])('text without words is no obstacle: "%s"', (text) => {
    expect(reads(text)).toBe(1);
  });

  it('judges a long text by its beginning', () => {
    expect(reads('words that it knows '.repeat(60) + '수도'.repeat(10_000))).toBeGreaterThan(0.9);
  });
});

describe('a vocabulary with Korean words', () => {
  const vocab = [
    '[UNK]',
    '수도',
    '##는',
    '대한민국',
    '##의',
    '어디',
    '##인',
    '##가',
    'the',
    'capital',
    'q',
    '##z',
  ];
  const reads = createReadability(
    new Tokenizer(
      {
        version: '1.0',
        added_tokens: [],
        normalizer: { type: 'NFC' },
        pre_tokenizer: { type: 'BertPreTokenizer' },
        post_processor: null,
        decoder: null,
        model: {
          type: 'WordPiece',
          unk_token: '[UNK]',
          continuing_subword_prefix: '##',
          max_input_chars_per_word: 100,
          vocab: Object.fromEntries(vocab.map((piece, id) => [piece, id])),
        },
      },
      { unk_token: '[UNK]' },
    ),
  );

  it('reads Korean', () => expect(reads('대한민국의 수도는 어디인가?')).toBe(1));
  it('reads nothing that falls apart into single letters or is unknown', () => {
    expect(reads('qz')).toBe(0);
    expect(reads('서울')).toBe(0);
    expect(reads('the 서울')).toBeCloseTo(3 / (3 + 5));
  });
});
