import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';
import type { FileHints } from '../../../workers/ingestion/formats.ts';
import { normaliseText } from '../../../workers/ingestion/normalise-text.ts';
import { parseDocument } from '../../../workers/ingestion/parse-document.ts';
import type { ParsedDocument } from '../../../workers/ingestion/parsed-document.ts';
import { parsers } from '../../../workers/ingestion/parsers/registry.ts';
import { encryptedPdf, pdf } from '../../support/fixtures/ingestion/pdf.ts';
import { docx, paragraph, zip } from '../../support/fixtures/ingestion/zip.ts';

async function read(
  content: Buffer | string,
  fileName: string,
  hints: FileHints = {},
): Promise<ParsedDocument> {
  return (await parseDocument(Buffer.from(content), { fileName, ...hints }, parsers)).document;
}
const headingsOf = ({ text, headings }: ParsedDocument) =>
  headings.map(({ level, start, end }) => [level, text.slice(start, end)]);
const korean = '대한민국의 수도는 서울이다. 인구는 약 940만 명이다.';

describe('text', () => {
  it.each(['utf8', 'cp949', 'utf16le', 'utf16be'])('reads Korean in %s', async (encoding) => {
    expect((await read(iconv.encode(korean, encoding, { addBOM: false }), 'a.txt')).text).toBe(korean);
    expect((await read(iconv.encode(korean, encoding, { addBOM: encoding !== 'cp949' }), 'a.txt')).text).toBe(
      korean,
    );
  });

  it('reads Japanese in Shift JIS and French in windows-1252', async () => {
    expect((await read(iconv.encode('名前はまだ無い', 'shift_jis'), 'a.txt')).text).toBe('名前はまだ無い');
    const french = 'Les élèves français étaient très fatigués à la fin de l’été.';
    expect((await read(iconv.encode(french, 'windows-1252'), 'a.txt')).text).toBe(french);
    const names = '名前,年齢,住所\n佐藤太郎,30,東京';
    expect((await read(iconv.encode(names, 'shift_jis'), 'a.txt')).text).toBe(names);
  });

  it('removes what nobody sees and keeps joined emoji', () => {
    const text = normaliseText('\ufeffa\u0000\u200bb\u202e\r\n👨‍👩‍👧\u2028각  \n\n\n\n\n\nx');
    expect(text).toBe('ab\n👨‍👩‍👧\n각\n\n\nx');
  });

  it('refuses nothing but white space', async () => {
    await expect(read(' \n\u200b\n', 'a.txt')).rejects.toMatchObject({ code: 'document_empty' });
  });
});

describe('markdown', () => {
  it('finds headings outside code, and what the front matter says', async () => {
    const source =
      '---\ntitle: "제목"\nauthor: Kim\ndate: 2024-03-15\n---\n# One #\n```\n# not one\n```\n## Two\nUnder\n-----\n| a |\n---\n';
    const document = await read(source, 'a.md');
    expect(document).toMatchObject({
      title: '제목',
      author: 'Kim',
      date: '2024-03-15',
      text: source.trimEnd(),
    });
    expect(headingsOf(document)).toEqual([
      [1, 'One'],
      [2, 'Two'],
      [2, 'Under'],
    ]);
  });
});

describe('html', () => {
  it('keeps what a reader sees', async () => {
    const document = await read(
      '<html lang="ko"><head><title>T</title><meta name="author" content="Kim"><meta property="article:published_time" content="2024-03-15T09:00:00+09:00"></head><body><h1>Head</h1><script>no</script><p hidden>no</p><p style="display: none">no</p><div aria-hidden="true">no</div><p>one <b>two</b><br>three</p><ul><li>a</li><li>b</li></ul><table><tr><th>x</th><td>y<p>z</p></td></tr><tr><td>1</td><td>2</td></tr></table><pre>a\n  b</pre></body></html>',
      'a.html',
    );
    expect(document.text).toBe('Head\n\none two\nthree\n\n- a\n- b\n\nx | y z\n1 | 2\n\n```\na\n  b\n```');
    expect(document).toMatchObject({
      title: 'T',
      author: 'Kim',
      date: '2024-03-15T00:00:00Z',
      language: 'ko',
    });
    expect(headingsOf(document)).toEqual([[1, 'Head']]);
  });

  it('prefers the main part unless most of the text is elsewhere', async () => {
    const long = 'A sentence that is the story. '.repeat(5).trim();
    expect((await read(`<body><nav>Menu</nav><main>${long}</main></body>`, 'a.html')).text).toBe(long);
    expect((await read(`<body><main>Menu</main><p>${long}</p></body>`, 'a.html')).text).toBe(
      `Menu\n\n${long}`,
    );
  });

  it('reads the declared encoding and any depth that is meant', async () => {
    const page = iconv.encode('<meta charset="euc-kr"><p>가', 'cp949');
    expect((await read(page, 'a.html')).text).toBe('가');
    const nested = (levels: number) => `${'<div>'.repeat(levels)}deep${'</div>'.repeat(levels)}`;
    expect((await read(nested(4_000), 'a.html')).text).toBe('deep');
    await expect(read(nested(100_000), 'a.html')).rejects.toMatchObject({
      code: 'document_too_large',
      message: expect.stringContaining('5,000 levels'),
    });
    const long = `<ul>${'<li>item<br>'.repeat(6_000)}</ul>${'<svg><path d="M0"/></svg>'.repeat(6_000)}<!-- ${'<div>'.repeat(6_000)} --><p>end`;
    expect((await read(long, 'a.html')).text).toMatch(/end$/);
  });
});

describe('pdf', () => {
  it('counts pages exactly, empty ones too, and knows where they are', async () => {
    const document = await read(
      pdf(['First page', '', 'Third page'], {
        Title: 'Report',
        Author: 'Kim',
        CreationDate: "D:20240315093000+09'00'",
      }),
      'a.pdf',
    );
    expect(
      document.pages.map(({ page, start, end }) => [page, document.text.slice(start, end).trim()]),
    ).toEqual([
      [1, 'First page'],
      [2, ''],
      [3, 'Third page'],
    ]);
    expect(document).toMatchObject({ title: 'Report', author: 'Kim', date: '2024-03-15T00:30:00Z' });
  });

  it('leaves out what stands outside the page', async () => {
    const document = await read(pdf(['here) Tj 0 -1000 Td (nowhere) Tj 0 980 Td (and here']), 'a.pdf');
    expect(document.text).toBe('here\nand here');
  });

  it('marks the columns of tables, but not single gaps nor numbers of lists', async () => {
    const at = (x: number, y: number, text: string) => `) Tj 1 0 0 1 ${x} ${y} Tm (${text}`;
    const table = [
      ...[at(20, 180, 'Year'), at(100, 180, 'Rain'), at(180, 180, 'Sun')],
      ...[at(20, 166, '2023'), at(100, 166, '812'), at(180, 166, '1,704')],
      ...[at(20, 60, '1.'), at(60, 60, 'First'), at(20, 46, '2.'), at(60, 46, 'Second')],
    ];
    expect((await read(pdf([table.join('')]), 'a.pdf')).text).toBe(
      'Year | Rain | Sun\n2023 | 812 | 1,704\n1. First\n2. Second',
    );
    const alone = [at(20, 120, 'Signed'), at(150, 120, 'here')];
    expect((await read(pdf([alone.join('')]), 'a.pdf')).text).toBe('Signed here');
  });

  it('keeps the pages around one that is damaged', async () => {
    const intact = pdf(['First page', 'Second page', 'Third page']).toString('latin1');
    const damaged = intact.replace('/Kids [5 0 R 7 0 R 9 0 R]', '/Kids [5 0 R 6 0 R 9 0 R]');
    expect(damaged).not.toBe(intact);
    const { text, pages } = await read(damaged, 'a.pdf');
    expect(pages.map(({ start, end }) => text.slice(start, end).trim())).toEqual([
      'First page',
      '',
      'Third page',
    ]);
  });

  it('joins words broken at line ends, but not compounds', async () => {
    const lines = ['A poten-', 'tially well-known model: GPT-', '4 is well-', 'known'];
    const document = await read(pdf([lines.join(') Tj 0 -14 Td (')]), 'a.pdf');
    expect(document.text).toBe('A potentially well-known model: GPT-4 is well-known');
  });

  it('takes the title and author in any of the encodings of PDF', async () => {
    const title = `\xfe\xff${iconv.encode('보고서', 'utf16-be', { addBOM: false }).toString('latin1')}`;
    expect(await read(pdf(['a'], { Title: title, Author: 'Ren\xe9' }), 'a.pdf')).toMatchObject({
      title: '보고서',
      author: 'René',
    });
  });

  it('counts blank pages', async () => {
    const pages = [1, 2].map((page) => ({ page, start: 0, end: 0 }));
    expect(await read(pdf(['', '']), 'a.pdf')).toMatchObject({ text: '', pages });
  });

  it.each([
    ['a password', encryptedPdf(), 'document_encrypted', /password/],
    ['nothing but a header', pdf(['a']).subarray(0, 60), 'document_unreadable', /damaged/],
  ])('refuses a file with %s', async (_, content, code, message) => {
    await expect(read(content, 'a.pdf')).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});

describe('docx', () => {
  it('reads headings, tables and properties', async () => {
    const table = `<w:tbl><w:tr><w:tc>${paragraph('a')}</w:tc><w:tc>${paragraph('b')}</w:tc></w:tr></w:tbl>`;
    const core =
      '<cp:coreProperties xmlns:cp="c" xmlns:dc="d" xmlns:dcterms="t"><dc:title>제목</dc:title><dc:creator>Kim</dc:creator><dcterms:created>2024-03-15T00:00:00Z</dcterms:created></cp:coreProperties>';
    const document = await read(
      docx(paragraph('Head', 'h1') + paragraph(korean) + table, [{ name: 'docProps/core.xml', data: core }]),
      'a.docx',
    );
    expect(document.text).toBe(`Head\n\n${korean}\n\na | b`);
    expect(document).toMatchObject({ title: '제목', author: 'Kim', date: '2024-03-15T00:00:00Z' });
    expect(headingsOf(document)).toEqual([[1, 'Head']]);
  });

  const zeros = (megabytes: number) => Buffer.alloc(megabytes * 1_000_000, 0x20);
  it.each([
    ['a bomb', docx('', [{ name: 'word/media/a.bin', data: zeros(51) }]), 'document_too_large'],
    [
      'a bomb that lies about its size',
      docx('', [{ name: 'word/media/a.bin', data: zeros(51), declaredSize: 10 }]),
      'document_too_large',
    ],
    [
      'a ratio beyond the limit',
      docx('', [{ name: 'word/media/a.bin', data: zeros(5) }]),
      'document_too_large',
    ],
    [
      'too many members',
      docx(
        '',
        Array.from({ length: 5001 }, (_, i) => ({ name: `word/${i}`, data: '' })),
      ),
      'document_too_large',
    ],
    ['entities', docx(paragraph('&a;'), [], '<!DOCTYPE x [<!ENTITY a "aaaa">]>'), 'document_unreadable'],
    ['elements nested without end', docx('<w:p>'.repeat(100_000)), 'document_unreadable'],
    ['its end missing', docx(paragraph(korean)).subarray(0, 700), 'document_unreadable'],
    ['no document inside', zip([{ name: 'word/other.xml', data: '<a/>' }]), 'document_unreadable'],
    ['no text', docx(paragraph(' ')), 'document_empty'],
  ])('refuses %s', async (_, content, code) => {
    await expect(read(content, 'a.docx')).rejects.toMatchObject({ name: 'AppError', code });
  });
});

describe('csv', () => {
  it.each([
    ['a.csv', '이름,나이\n"김, 철수",30\n이영희,\n', '이름: 김, 철수; 나이: 30\n이름: 이영희'],
    ['a.csv', 'x;y\n1,5;2\n3,5;4\n', 'x: 1,5; y: 2\nx: 3,5; y: 4'],
    ['a.tsv', 'x\ty\na, b\tc\n', 'x: a, b; y: c'],
    ['a.csv', '1,2\n3,4\n', '1; 2\n3; 4'],
    ['a.csv', 'x,y\n"line\nbreak",b\n', 'x: line break; y: b'],
  ])('%s %j', async (name, content, text) => {
    expect((await read(content, name)).text).toBe(text);
  });

  it('refuses a quote that never ends', async () => {
    await expect(read('x,y\n"a,b\nc,d\n', 'a.csv')).rejects.toMatchObject({ code: 'document_unreadable' });
  });
});

describe('json', () => {
  it.each([
    [
      'a.json',
      '{"title":"T","items":[{"name":"김","n":1.5,"none":null}],"ok":true}',
      'title: T\nitems[0].name: 김\nitems[0].n: 1.5\nok: true',
    ],
    ['a.json', '[{"a":1},{"a":2}]', '[0].a: 1\n\n[1].a: 2'],
    ['a.jsonl', '{"a":1}\n{"a":2}\n', 'a: 1\n\na: 2'],
    ['a.json', '{"a":1}\n{"a":2}\n', 'a: 1\n\na: 2'],
  ])('%s %s', async (name, content, text) => {
    expect((await read(content, name)).text).toBe(text);
  });

  it('names the broken line, and bears any depth', async () => {
    await expect(read('{"a":1}\n{"a":\n', 'a.ndjson')).rejects.toMatchObject({
      code: 'document_unreadable',
      message: expect.stringContaining('line 2'),
    });
    expect((await read(`${'['.repeat(5_000)}"deep"${']'.repeat(5_000)}`, 'a.json')).text).toMatch(
      /…(\[0\])+: deep$/,
    );
  });
});
