import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptedPdf, pdf } from '../support/fixtures/ingestion/pdf.ts';
import { docx, paragraph, zip } from '../support/fixtures/ingestion/zip.ts';
import { fileForm } from '../support/http.ts';
import {
  addDocument,
  documentEnded,
  documentReady,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({
    ...{ PARSE_TIMEOUT_SECONDS: '60', PARSE_MEMORY_MB: '300', MAX_DOCUMENT_CHARACTERS: '5000000' },
  });
});
afterAll(() => service.stop());

async function upload(name: string, bytes: Buffer | string): Promise<Json> {
  const form = fileForm({ name, bytes: new Uint8Array(Buffer.from(bytes)) });
  const reply = await service.admin.call('POST', '/api/v1/documents', { form });
  if (reply.status !== 202) return { status: 'refused', error: reply.body };
  return documentEnded(service.admin, reply.body.id);
}

const billionLaughs = `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">${Array.from(
  { length: 12 },
  (_, i) => `<!ENTITY ${'bcdefghijklm'[i]} "${`&${'abcdefghijkl'[i]};`.repeat(10)}">`,
).join('')}]>`;
const external = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
const zeros = Buffer.alloc(20_000_000);
const bomb = zip([{ name: 'zeros', data: zeros }]);
const word = docx(paragraph('Whole words stand here.'));
const polyglot = Buffer.concat([
  pdf(['A page that is also an archive.']),
  zip([{ name: 'a.txt', data: 'a' }]),
]);

const refused: [kind: string, name: string, make: () => Buffer | string, code: string | RegExp][] = [
  [
    'a zip bomb',
    'a.docx',
    () => docx(paragraph('x'), [{ name: 'word/big.xml', data: zeros }]),
    'document_too_large',
  ],
  [
    'a zip bomb that lies about its size',
    'a.docx',
    () => docx(paragraph('x'), [{ name: 'word/big.xml', data: zeros, declaredSize: 10 }]),
    'document_too_large',
  ],
  [
    'nested archives',
    'a.zip',
    () => zip([{ name: 'b.zip', data: zip([{ name: 'c.zip', data: bomb }]) }]),
    /./,
  ],
  [
    'too many members',
    'a.docx',
    () =>
      docx(
        paragraph('x'),
        Array.from({ length: 5_100 }, (_, i) => ({ name: `m${i}`, data: '' })),
      ),
    'document_too_large',
  ],
  [
    'entities that multiply',
    'a.docx',
    () => docx(paragraph('&m;'), [], billionLaughs),
    'document_unreadable',
  ],
  ['an external entity', 'a.docx', () => docx(paragraph('&x;'), [], external), 'document_unreadable'],
  ['an encrypted PDF', 'a.pdf', () => encryptedPdf(), 'document_encrypted'],
  ['half a PDF', 'a.pdf', () => pdf(['a']).subarray(0, 90), 'document_unreadable'],
  ['half a Word file', 'a.docx', () => word.subarray(0, word.length / 2), 'document_unreadable'],
  ['a page of 100,000 divs', 'a.html', () => '<div>'.repeat(100_000), /document_(too_large|empty)/],
  [
    'a table without end of its quotes',
    'a.csv',
    () => `a,b\n"${'x,'.repeat(500_000)}`,
    'document_unreadable',
  ],
  ['a broken JSON of 100,000 levels', 'a.json', () => '['.repeat(100_000), 'document_unreadable'],
  [
    'an image named text',
    'a.txt',
    () => Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
    'document_needs_ocr',
  ],
];

describe('a hostile file', () => {
  it.each(refused)('%s fails with its code and a sentence', async (_kind, name, make, code) => {
    const { status, error } = await upload(name, make());
    expect(['failed', 'refused']).toContain(status);
    expect(error.code).toMatch(code);
    expect(error.detail).toMatch(/^[A-Z].{10,}\.$/);
    expect(error.detail).not.toMatch(/at \/|node_modules|Error:/);
    expect(error.code).not.toMatch(/internal|gave_up/);
  });

  const rows = (count: number) => `name,count\n${'kim,1\n'.repeat(count)}`;
  it.each<[string, string, () => Buffer | string]>([
    ['a table of a million rows', 'a.csv', () => rows(1_000_000)],
    ['a line of 24 MB without a space', 'a.txt', () => 'x'.repeat(24_000_000)],
  ])('%s is read or refused for what it is', async (_kind, name, make) => {
    const { status, error } = await upload(name, make());
    if (status !== 'ready') expect(error.code).toMatch(/^(document_too_large|parse_)/);
  });
});

describe('a strange file', () => {
  const accepted: [kind: string, name: string, make: () => Buffer | string, text: RegExp][] = [
    ['JSON of 100,000 levels', 'a.json', () => `${'['.repeat(100_000)}"deep"${']'.repeat(100_000)}`, /deep$/],
    ['quotes of 5,000 levels', 'a.md', () => `${'> '.repeat(5_000)}deep`, /deep$/],
    ['a long word', 'a.txt', () => `${'x'.repeat(100_000)}${'가'.repeat(100_000)}`, /^x+가+$/],
    ['rows of nothing', 'a.md', () => `${'|\n'.repeat(10_000)}end`, /end$/],
    ['letters with a thousand accents', 'a.txt', () => `a${'\u0301'.repeat(5_000)} b`, /b$/],
    ['a PDF that is also an archive', 'a.pdf', () => polyglot, /^A page that is also an archive\.$/],
    [
      'a PDF that begins as a web page',
      'a.html',
      () => Buffer.concat([Buffer.from('<p>x</p>\n'), pdf(['In it.'])]),
      /^In it\.$/,
    ],
    [
      'controls, reordering marks and tags',
      'a.txt',
      () => 'safe \u202egnp.\u202cexe\u0007 \u2066x\u2069 z\u200bero\ufeff \u{e0041}tag\n',
      /^safe gnp\.exe x zero tag$/,
    ],
    ['halves of surrogate pairs', 'a.json', () => '{"a": "x\\ud800y \\udc00"}', /^a: x\ufffdy \ufffd$/],
    ['a NUL in JSON', 'a.json', () => '{"a": "x\\u0000y"}', /^a: xy$/],
    [
      'what a page hides',
      'a.html',
      () => '<p>seen</p><p style="font-size:0px">small</p><p style="opacity: 0">clear</p><p hidden>no</p>',
      /^seen$/,
    ],
  ];

  it.each(accepted)('%s is read, and every offset holds', async (_kind, name, make, expected) => {
    const document = await upload(name, make());
    expect(document).toMatchObject({ status: 'ready', error: null });
    const text = (await service.admin.get(document.links.text)).text;
    expect(text).toMatch(expected);
    const { items } = (await service.admin.get(`${document.links.chunks}?limit=200`)).body;
    expect(items.length).toBeGreaterThan(0);
    for (const chunk of items) expect(text.slice(...(chunk.char_range as [number, number]))).toBe(chunk.text);
  });
});

it.each<[string, string, () => Buffer | string]>([
  ['a form that nobody filled in', 'a.docx', () => docx(paragraph(' '))],
  ['a PDF of blank pages', 'a.pdf', () => pdf(['', ''])],
  ['nothing but what nobody sees', 'a.txt', () => '\u200b\u202e\ufeff\u2060'.repeat(100)],
])('%s is there, with a warning, and says nothing', async (_kind, name, make) => {
  const document = await upload(name, make());
  expect(document).toMatchObject({ status: 'ready', error: null, chunk_count: 0 });
  expect(document.warnings).toMatchObject([{ code: 'document_empty' }]);
});

it('lives on, and reads the next file', async () => {
  expect((await service.anonymous.get('/health')).body.status).toBe('healthy');
  expect(await addDocument(service.admin, { text: 'Tea is served.' })).toMatchObject({ status: 'ready' });
  const form = fileForm({ name: 'tea.docx', bytes: new Uint8Array(word) });
  const { body } = await service.admin.call('POST', '/api/v1/documents', { form });
  expect(await documentReady(service.admin, body.id)).toMatchObject({ chunk_count: 1 });
});
