import { describe, expect, it } from 'vitest';
import { detectFormat } from '../../../workers/ingestion/detect-format.ts';
import type { FileHints } from '../../../workers/ingestion/formats.ts';
import { pdf } from '../../support/fixtures/ingestion/pdf.ts';
import { docx, paragraph, zip } from '../../support/fixtures/ingestion/zip.ts';

const compound = (stream: string): Buffer =>
  Buffer.concat([
    Buffer.from('d0cf11e0a1b11ae1', 'hex'),
    Buffer.alloc(1000),
    Buffer.from(`${stream}\0`, 'utf16le'),
    Buffer.alloc(100),
  ]);
const mail = 'From: a@example.com\r\nTo: b@example.com\r\nSubject: Hi\r\nMIME-Version: 1.0\r\n\r\nHello';

describe('detectFormat', () => {
  it.each<[string, Buffer | string, FileHints, string]>([
    ['PDF under a wrong name', pdf(['a']), { fileName: 'a.txt' }, 'pdf'],
    ['PDF after a preamble', Buffer.concat([Buffer.from('junk\n'), pdf(['a'])]), {}, 'pdf'],
    ['Word under a wrong name', docx(paragraph('a')), { fileName: 'a.zip' }, 'docx'],
    ['text', '# a', {}, 'txt'],
    ['Markdown by name', '# a', { fileName: 'A.MD' }, 'md'],
    ['Markdown by type', '# a', { contentType: 'text/markdown; charset=utf-8' }, 'md'],
    ['CSV', 'a,b', { fileName: 'a.csv' }, 'csv'],
    ['TSV', 'a\tb', { fileName: 'a.tsv' }, 'csv'],
    ['JSON by content', '{"a": 1}', {}, 'json'],
    ['NDJSON', '{"a":1}\n{"a":2}\n', { fileName: 'a.jsonl' }, 'json'],
    ['HTML by content', '\n<!DOCTYPE html><p>a', {}, 'html'],
    [
      'HTML in UTF-16',
      Buffer.from('\ufeff<html><p>가나다</p></html>', 'utf16le'),
      { fileName: 'a.html' },
      'html',
    ],
    ['mail that is called text', mail, { fileName: 'a.txt' }, 'txt'],
    [
      'Excel under the name of Word',
      zip([{ name: 'xl/workbook.xml', data: '<a/>' }]),
      { fileName: 'a.docx' },
      'xlsx',
    ],
    ['PowerPoint', zip([{ name: 'ppt/presentation.xml', data: '<a/>' }]), {}, 'pptx'],
    ['Hangul', compound('\u0005HwpSummaryInformation'), {}, 'hwp'],
    ['zipped Hangul', zip([{ name: 'Contents/section0.xml', data: '<a/>' }]), {}, 'hwpx'],
    ['an e-book', zip([{ name: 'META-INF/container.xml', data: '<a/>' }]), {}, 'epub'],
    ['OpenDocument', zip([{ name: 'content.xml', data: '<a/>' }]), {}, 'odt'],
    ['mail', mail, {}, 'eml'],
    ['mail by name', 'hello', { fileName: 'a.eml' }, 'eml'],
    ['a mailbox', `From a@example.com Fri Mar 15 09:30:00 2024\n${mail}`, {}, 'eml'],
    ['rich text', '{\\rtf1 hello}', { fileName: 'a.txt' }, 'rtf'],
    ['XML', '<?xml version="1.0"?><a/>', { fileName: 'a.txt' }, 'xml'],
    ['a drawing', '<svg xmlns="http://www.w3.org/2000/svg"><text>a</text></svg>', {}, 'xml'],
    [
      'XHTML',
      '<?xml version="1.0"?>\n<!-- a -->\n<!DOCTYPE html><html></html>',
      { fileName: 'a.xml' },
      'html',
    ],
    ['a page called a spreadsheet', '<html><table><tr><td>a</table>', { fileName: 'a.xlsx' }, 'html'],
    ['a calendar', 'BEGIN:VCALENDAR\nSUMMARY:a\nEND:VCALENDAR', { fileName: 'a.ics' }, 'txt'],
    ['YAML', 'a: 1\nb:\n  - c\n', { fileName: 'a.yaml' }, 'txt'],
    ['TeX', '\\documentclass{article}\\begin{document}a\\end{document}', { fileName: 'a.tex' }, 'txt'],
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), { fileName: 'a.md' }, 'image'],
    ['a key in a text', 'Name: x\nNote: y\n\nText', {}, 'txt'],
  ])('%s', async (_, content, hints, format) => {
    expect(await detectFormat(Buffer.from(content), hints)).toBe(format);
  });

  it.each<[string, Buffer | string, FileHints, RegExp]>([
    [
      'xlsb',
      zip([{ name: 'xl/workbook.bin', data: 'a' }]),
      { fileName: 'a.xlsx' },
      /^Spreadsheet \(xlsb\) files are not supported: save it as xlsx or csv\. Supported: txt, md/,
    ],
    ['zip', zip([{ name: 'a.txt', data: 'a' }]), {}, /Archive \(zip\)/],
    ['doc', compound('WordDocument'), { fileName: 'a.docx' }, /Legacy Word \(doc\) .* save it as docx/],
    [
      'xls around a doc',
      Buffer.concat([compound('WordDocument'), compound('Workbook')]),
      { fileName: 'a.xls' },
      /\(xls\)/,
    ],
    ['ppt', compound('PowerPoint Document'), {}, /Presentation \(ppt\)/],
    ['msg', compound('__properties_version1.0'), {}, /Outlook message \(msg\) .* save it as eml/],
    ['hwp 3', Buffer.from('HWP Document File V3.00 \x1a\x01\x02', 'latin1'), {}, /Hangul word processor 3/],
    ['gif', Buffer.from('GIF89a\x01\x00\x01\x00', 'latin1'), {}, /Image \(gif\)/],
    [
      'bin',
      Buffer.from(Array.from({ length: 999 }, (_, i) => (i * 7919) % 256)),
      { fileName: 'a.bin' },
      /Unknown binary/,
    ],
    ['bytes called txt', Buffer.alloc(500), { fileName: 'a.txt' }, /Unknown binary/],
  ])('refuses %s by name', async (_, content, hints, message) => {
    await expect(detectFormat(Buffer.from(content), hints)).rejects.toMatchObject({
      code: 'unsupported_format',
      message: expect.stringMatching(message),
    });
  });

  it('tells an encrypted Office file', async () => {
    await expect(detectFormat(compound('EncryptedPackage'))).rejects.toMatchObject({
      code: 'document_encrypted',
    });
  });

  it('does not take a name for a content', async () => {
    await expect(detectFormat(Buffer.from('hello'), { fileName: 'a.pdf' })).rejects.toMatchObject({
      code: 'document_unreadable',
    });
  });
});
