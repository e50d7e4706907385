import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/evaluation/random.ts';
import { countTokens } from '../../../src/text/count-tokens.ts';
import { splitSentences } from '../../../src/text/sentences.ts';
import { normaliseText } from '../../../workers/ingestion/normalise-text.ts';
import { splitText } from '../../../workers/ingestion/split-text.ts';

const pieces = [
  '그는 서울에 갔다. ',
  '정말 그런가요? ',
  'The U.S. economy grew 3.14% in 2024. ',
  'Dr. Smith agreed! ',
  '👨‍👩‍👧‍👦',
  '🇰🇷',
  'e\u0301a',
  '\n',
  '\n\n',
  '- item one\n',
  '| a | b |\n| 1 | 2 |\n',
  '```\nlet x = 1;\nlet y = 2;\n```\n',
  'word ',
  '가나다라마바사'.repeat(12),
  'x'.repeat(90),
  '2024. 3. 15. ',
  '吾輩は猫である。',
  '# Title\n',
  '"Go," he said. ',
  'key: value; other: 가치\n',
  '\t',
  '   ',
  '한국어 문장이 마침표 없이 이어집니다 ',
  '...',
  '[1]',
];

function randomText(seed: number): string {
  const random = seededRandom(seed);
  const length = 5 + Math.floor(random() * 120);
  return normaliseText(
    Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)] ?? '').join(''),
  );
}

const sentencesOf = (text: string) => splitSentences(text).map(({ start, end }) => text.slice(start, end));
const bare = (text: string) => ({ text, pages: [], headings: [] });

describe('splitText on random texts', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'seed %i: exact, complete, in order, within size',
    (seed) => {
      const text = randomText(seed);
      const graphemes = new Set(
        [...new Intl.Segmenter('en').segment(text)].map(({ index }) => index).concat(text.length),
      );
      for (const options of [{ size: 16, overlap: 4 }, { size: 40, overlap: 15 }, {}]) {
        const chunks = splitText(bare(text), options);
        const covered = new Uint8Array(text.length);
        chunks.forEach(({ start, end }, i) => {
          const slice = text.slice(start, end);
          expect(slice).toBe(slice.trim());
          expect(slice).not.toBe('');
          expect(countTokens(slice)).toBeLessThanOrEqual(options.size ?? 500);
          expect(graphemes.has(start) && graphemes.has(end)).toBe(true);
          expect(start).toBeGreaterThan(chunks[i - 1]?.start ?? -1);
          expect(end).toBeGreaterThan(chunks[i - 1]?.end ?? -1);
          covered.fill(1, start, end);
        });
        expect(
          [...text].length === 0 || [...covered].every((seen, i) => seen === 1 || /\s/.test(text.charAt(i))),
        ).toBe(true);
        expect(splitText(bare(text), options)).toEqual(chunks);
      }
    },
  );

  it.each(Array.from({ length: 60 }, (_, seed) => seed + 1000))(
    'seed %i: sentences leave out white space only',
    (seed) => {
      const text = randomText(seed);
      const sentences = splitSentences(text);
      expect(
        sentences
          .map(({ start, end }) => text.slice(start, end))
          .join('')
          .replace(/\s/g, ''),
      ).toBe(text.replace(/\s/g, ''));
      sentences.forEach(({ start }, i) => {
        expect(start).toBeGreaterThanOrEqual(sentences[i - 1]?.end ?? 0);
      });
    },
  );
});

describe('splitText', () => {
  it('repeats whole sentences up to the overlap', () => {
    const text = Array.from(
      { length: 60 },
      (_, i) => `Sentence number ${i} has exactly eight words here.`,
    ).join(' ');
    const chunks = splitText(bare(text), { size: 100, overlap: 30 });
    const starts = new Set(splitSentences(text).map(({ start }) => start));
    expect(chunks.length).toBeGreaterThan(5);
    chunks.slice(1).forEach(({ start }, i) => {
      const shared = text.slice(start, chunks[i]?.end);
      expect(starts.has(start)).toBe(true);
      expect(shared).toMatch(/^Sentence .* here\.$/);
      expect(countTokens(shared)).toBeLessThanOrEqual(30);
    });
  });

  it('gives page and headings of where a chunk starts', () => {
    const body = 'Some words stand here. '.repeat(30).trim();
    const text = `One\n\n${body}\n\nTwo\n\n${body}`;
    const two = text.indexOf('Two');
    const headings = [
      { level: 1, start: 0, end: 3 },
      { level: 2, start: two, end: two + 3 },
    ];
    const pages = [
      { page: 1, start: 0, end: two },
      { page: 2, start: two, end: text.length },
    ];
    const chunks = splitText({ text, headings, pages }, { size: 200, overlap: 20 });
    expect(chunks.map(({ context }) => context)).toEqual([null, null]);
    expect(chunks.map(({ page, heading }) => [page, heading])).toEqual([
      [1, 'One'],
      [2, 'One › Two'],
    ]);
    expect(text.slice(chunks[1]?.start)).toMatch(/^Two\n/);
  });

  it('tears no table or code block that fits', () => {
    const filler = 'Words before the block. '.repeat(12).trim();
    const table = '| a | b |\n| - | - |\n| 1. One | 2. Two |\n| 3 | 4 |';
    const code = '```\nlet a = 1. ;\n\nlet b = 2;\n```';
    const text = `${filler}\n\n${table}\n\n${filler}\n\n${code}\n\n${filler}`;
    const slices = splitText(bare(text), { size: 80, overlap: 10 }).map(({ start, end }) =>
      text.slice(start, end),
    );
    expect(slices.some((slice) => slice.includes(table))).toBe(true);
    expect(slices.some((slice) => slice.includes(code))).toBe(true);
  });

  it('cuts a table beyond the size between its rows, which keep their header row as context', () => {
    const rows = Array.from({ length: 40 }, (_, i) => `| 제품 ${i}. 정품 | ${i * 100} | in stock. New. |`);
    const head = '| Product | Price | Note |';
    const text = `Prices below.\n\nTable 3. Prices\n\n${head}\n|---|---|---|\n${rows.join('\n')}\n\nThe end.`;
    const chunks = splitText(bare(text), { size: 120, overlap: 0 });
    expect(chunks.length).toBeGreaterThan(3);
    expect(text.slice(chunks[0]?.start, chunks[0]?.end)).toContain(`${head}\n|---|---|---|\n${rows[0]}`);
    expect(chunks[0]?.context).toBeNull();
    for (const { start, end, context } of chunks.slice(1)) {
      const lines = text.slice(start, end).split('\n');
      expect(rows).toContain(lines[0]);
      expect([...rows, '', 'The end.']).toEqual(expect.arrayContaining(lines));
      expect(context).toBe(`Table 3. Prices\n${head}`);
    }
  });

  it('takes the first row for a header only where it reads like one', () => {
    const table = (first: string) =>
      [first, ...Array.from({ length: 30 }, (_, i) => `a${i} | ${i}`)].join('\n');
    const contexts = (first: string) =>
      splitText(bare(table(first)), { size: 60, overlap: 0 }).map(({ context }) => context);
    expect(contexts('이름 | 나이')).toEqual([null, ...contexts('이름 | 나이').slice(1).fill('이름 | 나이')]);
    expect(new Set(contexts('a | 7'))).toEqual(new Set([null]));
  });

  it.each([
    ['Do this in order:', (i: number) => `${i}. Step ${i} of the work is done with care.`],
    ['절차는 다음과 같다.', (i: number) => `- ${i}단계에서는 서류를 천천히 확인한다.`],
  ])('tears no list from %j', (lead, item) => {
    const filler = 'Words stand before the list here. '.repeat(9).trim();
    const short = [1, 2, 3].map(item).join('\n');
    const whole = `${filler} And more of it.\n\n${lead}\n\n${short}\n\n${filler}`;
    const kept = splitText(bare(whole), { size: 110, overlap: 0 }).map(({ start, end }) =>
      whole.slice(start, end),
    );
    expect(kept.some((slice) => slice.includes(`${lead}\n\n${short}`))).toBe(true);

    const items = Array.from({ length: 30 }, (_, i) => item(i + 1));
    const long = `${filler}\n\n${lead}\n${items.join('\n')}`;
    const chunks = splitText(bare(long), { size: 110, overlap: 0 });
    const opening = chunks.find(({ start, end }) => long.slice(start, end).includes(lead));
    expect(long.slice(opening?.start, opening?.end)).toContain(`${lead}\n${items[0]}`);
    const later = chunks.filter(({ start }) => start > long.indexOf(items[0] ?? ''));
    expect(later.length).toBeGreaterThan(2);
    for (const { start, context } of later) {
      expect(context).toBe(lead);
      expect(items.some((one) => long.startsWith(one, start))).toBe(true);
    }
  });

  it('fills chunks with headings where there is nothing else, and takes any number of lines', () => {
    const contents = Array.from({ length: 400 }, (_, i) => `Chapter ${i}`);
    const text = contents.join('\n');
    let start = 0;
    const headings = contents.map((heading) => {
      const range = { level: 1, start, end: start + heading.length };
      start = range.end + 1;
      return range;
    });
    const chunks = splitText({ text, headings, pages: [] }, { size: 100, overlap: 0 });
    for (const chunk of chunks.slice(0, -1))
      expect(countTokens(text.slice(chunk.start, chunk.end))).toBeGreaterThan(25);
    expect(splitText(bare('| a |\n'.repeat(200_000))).length).toBeGreaterThan(100);
  });

  it('keeps each line whole where lines are records', () => {
    const rows = Array.from(
      { length: 30 },
      (_, i) => `The full name of the customer as written: Dr. Kim. ${i}; And a very long note: Yes. No.`,
    );
    const text = rows.join('\n');
    for (const { start, end } of splitText(bare(text), { size: 100, overlap: 0, records: true }))
      expect(rows).toEqual(expect.arrayContaining(text.slice(start, end).split('\n')));
  });

  it('copes with nothing, with blanks, and refuses nonsense', () => {
    expect(splitText(bare(''))).toEqual([]);
    expect(splitText(bare(' \n\t'))).toEqual([]);
    expect(() => splitText(bare('a'), { size: 100, overlap: 100 })).toThrow(RangeError);
  });
});

describe('splitSentences', () => {
  it.each([
    [
      [
        'Dr. Kim paid $3.14 to J. K. Rowling in the U.S. Government office.',
        'See Fig. 3 of Lee et al. (2020).',
        'Node.js is nice.[1]',
        'Next one.',
      ],
    ],
    [['그는 2024. 3. 15. 발표했다.', '"갔다."라고 말했다.', '3.5%가 올랐다!', '정말?', '네.', '그렇다.']],
    [['吾輩は猫である。', '名前はまだ無い。']],
    [['"Stop!" he said.', 'He left.']],
  ])('%j', (sentences) => {
    expect(sentencesOf(sentences.join(' '))).toEqual(sentences);
  });

  it('ends at list items, rows and short lines, not at wraps', () => {
    const wrapped = '한국어로 된 긴 문장이 줄바꿈으로 나누어져 있는 경우에는\n이렇게 이어서 읽는다.';
    const text = `제목\n\n- 사과\n- 배\n1. First\n${wrapped}\nname: kim\n| a | b |\n\nThis line is wrapped\nin the middle of it.`;
    expect(sentencesOf(text)).toEqual([
      '제목',
      '- 사과',
      '- 배',
      '1. First',
      wrapped,
      'name: kim',
      '| a | b |',
      'This line is wrapped\nin the middle of it.',
    ]);
  });

  it('finds the same stops however far into a long line they are', () => {
    const sentence = '그는 2024. 3. 15. 서울에 갔다.';
    expect(new Set(sentencesOf(`${sentence} `.repeat(3000)))).toEqual(new Set([sentence]));
  });
});
