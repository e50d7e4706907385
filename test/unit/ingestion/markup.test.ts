import { deflateRawSync } from 'node:zlib';
import { utils, write } from 'cfb';
import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../../workers/ingestion/parse-document.ts';
import { parsers } from '../../../workers/ingestion/parsers/registry.ts';
import { docx, paragraph } from '../../support/fixtures/ingestion/zip.ts';

const read = async (content: Buffer | string, fileName: string) =>
  (await parseDocument(Buffer.from(content), { fileName }, parsers)).document;

describe('rtf', () => {
  it('reads code pages by font, Unicode with its fallback, tables and properties', async () => {
    const korean = [...iconv.encode('한글', 'cp949')].map((byte) => `\\'${byte.toString(16)}`).join('');
    const source = `{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset129 Batang;}}{\\info{\\title ${korean.replace(/^/, '\\f1 ')}}{\\author Kim}{\\creatim\\yr2024\\mo3\\dy15}}{\\stylesheet{\\s1 heading 1;}}{\\pard\\s1 Head\\par}\\pard caf\\'e9 {\\f1 ${korean}} \\u45208?\\u-10420?{\\v hidden}{\\*\\unknown gone}{\\pict 00ff}\\par\\trowd\\intbl a\\cell b\\cell\\row\\intbl c\\cell\\cell\\row\\pard\\bin3 }}}end\\par}`;
    const document = await read(source, 'a.rtf');
    expect(document.text).toBe('Head\n\ncafé 한글 나흌\n\na | b\nc |\n\nend');
    expect(document).toMatchObject({ title: '한글', author: 'Kim', date: '2024-03-15' });
    expect(document.headings).toEqual([{ level: 1, start: 0, end: 4 }]);
  });

  it.each([
    ['{', 'document_empty'],
    ['{\\rtf1', 'document_empty'],
  ])('bears %s', async (source, code) => {
    await expect(read(`{\\rtf1${source.repeat(100_000)}`, 'a.rtf')).rejects.toMatchObject({ code });
  });
});

describe('xml', () => {
  it('names values, keeps attributes and text between elements', async () => {
    const source =
      '<?xml version="1.0"?><!DOCTYPE r SYSTEM "http://example.com/x.dtd"><r xmlns="x"><title>목록</title><book id="7"><name>a &amp; b</name><empty/></book><p>one <b>two</b> three<![CDATA[ <4>]]></p></r>';
    const document = await read(source, 'a.xml');
    expect(document.text).toBe('title: 목록\n\nbook: id: 7\nname: a & b\n\none\nb: two\nthree <4>');
    expect(document.title).toBe('목록');
  });

  it('reads EUC-KR by its declaration', async () => {
    const source = '<?xml version="1.0" encoding="euc-kr"?><가>나</가>';
    expect((await read(iconv.encode(source, 'cp949'), 'a.xml')).text).toBe('가: 나');
  });

  it.each([
    ['<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>', /entities/],
    ['<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', /entities/],
    ['<a>'.repeat(2000), /nested deeper/],
    ['<a><b>text', /cut short/],
  ])('refuses %.60s', async (source, message) => {
    await expect(read(`<?xml version="1.0"?>${source}`, 'a.xml')).rejects.toMatchObject({
      code: 'document_unreadable',
      message: expect.stringMatching(message),
    });
  });
});

describe('eml', () => {
  const header =
    'From: =?utf-8?B?6rmA?= <kim@example.com>\r\nTo: lee@example.com\r\nSubject: =?euc-kr?B?yLjAxw==?=\r\nDate: Fri, 15 Mar 2024 09:30:00 +0900\r\nMIME-Version: 1.0\r\n';
  const part = (type: string, name: string, content: Buffer) =>
    `--b\r\nContent-Type: ${type}\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${content.toString('base64')}\r\n`;

  it('reads body and attachments, and says which it could not read', async () => {
    const message = `${header}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>본문</p><p style="display:none">secret</p>\r\n${part('application/octet-stream', 'minutes.docx', docx(paragraph('Minutes')))}${part('application/zip', 'a.docx', Buffer.from('PK\x03\x04'))}--b--\r\n`;
    const document = await read(message, 'a.eml');
    expect(document.text).toMatch(
      /^회의\n\nFrom: 김 <kim@example.com>\nTo: lee@example.com\nDate: .*\n\n본문\n\nminutes.docx\n\nMinutes\n\na.docx\n\na.docx: not read \(document_unreadable\)$/,
    );
    expect(document).toMatchObject({
      title: '회의',
      author: '김 <kim@example.com>',
      date: '2024-03-15T00:30:00Z',
    });
  });

  it('reads messages in messages to a depth, and mailboxes', async () => {
    const plain = `${header}Content-Type: text/plain\r\n\r\ninnermost`;
    let message = plain;
    for (let i = 0; i < 4; i += 1)
      message = `${header}Content-Type: multipart/mixed; boundary=b\r\n\r\n${part('application/octet-stream', `${i}.eml`, Buffer.from(message))}--b--\r\n`;
    expect((await read(message, 'a.eml')).text).not.toContain('innermost');
    const line = 'From kim@example.com Fri Mar 15 09:30:00 2024\n';
    const box = `${line}Subject: One\nFrom: a@b.c\n\nfirst\nFrom here on\n\n${line}Subject: Two\nFrom: a@b.c\n\nsecond\n`;
    const { text, headings } = await read(box, 'a.mbox');
    expect(headings.map(({ start, end }) => text.slice(start, end))).toEqual(['One', 'Two']);
    expect(text).toContain('From here on');
  });
});

describe('hwp', () => {
  const record = (tag: number, level: number, data: Buffer) => {
    const header = Buffer.alloc(4);
    header.writeUInt32LE(((data.length << 20) | (level << 10) | tag) >>> 0);
    return Buffer.concat([header, data]);
  };
  const text = (level: number, content: string) => record(67, level, Buffer.from(`${content}\r`, 'utf16le'));
  const cell = (column: number, row: number) => {
    const data = Buffer.alloc(34);
    data.writeUInt16LE(column, 8);
    data.writeUInt16LE(row, 10);
    return record(72, 2, data);
  };
  const file = (section: Buffer, flags = 1, packed = flags & 1 ? deflateRawSync(section) : section) => {
    const header = Buffer.alloc(256);
    header.write('HWP Document File');
    header.writeUInt32LE(flags, 36);
    const container = utils.cfb_new();
    utils.cfb_add(container, '/FileHeader', header);
    utils.cfb_add(container, '/\u0005HwpSummaryInformation', Buffer.alloc(8));
    utils.cfb_add(container, '/BodyText/Section0', packed);
    return Buffer.from(write(container, { type: 'buffer' }) as Buffer);
  };
  const anchored = `제목\t${'\0'.repeat(7)}\u000b${'x'.repeat(7)}끝`;
  const body = Buffer.concat([
    text(1, anchored),
    record(71, 1, Buffer.from(' lbt')),
    record(77, 2, Buffer.alloc(20)),
    cell(0, 0),
    text(3, '가'),
    cell(1, 0),
    text(3, '나'),
    cell(0, 1),
    text(3, '다'),
    text(1, '뒤'),
  ]);

  it('reads paragraphs and tables, packed or not', async () => {
    expect((await read(file(body), 'a.hwp')).text).toBe('제목 끝\n\n가 | 나\n다\n\n뒤');
    expect((await read(file(body, 0), 'a.hwp')).text).toBe('제목 끝\n\n가 | 나\n다\n\n뒤');
  });

  it.each([
    ['a password', file(body, 3), 'document_encrypted'],
    ['a lock for distribution', file(body, 5), 'document_encrypted'],
    ['a section that is damaged', file(body, 1, Buffer.alloc(500, 0xff)), 'document_unreadable'],
  ])('refuses %s', async (_, content, code) => {
    await expect(read(content, 'a.hwp')).rejects.toMatchObject({ code });
  });
});
