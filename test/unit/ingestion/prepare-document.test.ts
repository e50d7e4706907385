import { describe, expect, it } from 'vitest';
import { countWords } from '../../../src/retrieval/analyze.ts';
import { givenText, prepareDocument } from '../../../workers/ingestion/prepare-document.ts';
import { prepareWindows } from '../../../workers/ingestion/prepare-windows.ts';

const options = { title: null, size: 50, overlap: 10 };

describe('prepareDocument', () => {
  it("indexes title, headings and passage, and the sender's title before the one found", () => {
    const document = {
      text: 'Tea\n\nIt is made of leaves.',
      title: 'Found',
      author: 'Kim',
      pages: [{ page: 1, start: 0, end: 26 }],
      headings: [{ level: 1, start: 0, end: 3 }],
    };
    const found = prepareDocument({ format: 'docx', document }, options);
    expect(found.document).toEqual({
      format: 'docx',
      text: document.text,
      pages: document.pages,
      found: { title: 'Found', author: 'Kim', language: 'en' },
    });
    expect([...found.chunks]).toEqual([
      {
        start: 0,
        end: 26,
        page: 1,
        heading: 'Tea',
        context: null,
        gap: '',
        text: document.text,
        ...countWords(`Found\nTea\n${document.text}`),
      },
    ]);
    const [given] = prepareDocument({ format: 'docx', document }, { ...options, title: 'Given' }).chunks;
    expect(given?.words).toEqual(countWords(`Given\nTea\n${document.text}`).words);
  });

  it('leaves a given text as it is', () => {
    const text = '  Cafe\u0301\r\n\r\n\r\n\r\n\r\n\u200b대한민국의 수도는 서울이다. ';
    const { document, chunks } = prepareDocument(givenText(text), options);
    expect(document).toEqual({ format: 'txt', text, pages: [], found: { language: 'ko' } });
    for (const chunk of chunks) expect(text.slice(chunk.start, chunk.end)).toBe(chunk.text);
  });

  it('finds the sections of a given text that is plainly Markdown, whatever its line ends', () => {
    const body = 'The words of a section. '.repeat(15).trim();
    const text = `# Guide\r\n\r\n## Start\r\n${body}\r\n\r\n## 설치\r\n\r\n${body}`;
    const headings = [...prepareDocument(givenText(text), { ...options, overlap: 0 }).chunks].map(
      ({ heading }) => heading,
    );
    expect([...new Set(headings)]).toEqual(['Guide', 'Guide › Start', 'Guide › 설치']);
    const script = givenText(`# say hello\necho hello\n\n# and again\necho again`);
    expect(script.document.headings).toEqual([]);
  });

  it('moves pages and headings with what is masked, and gives chunks of the masked text', () => {
    const text = 'Call 010-1234-5678\n\nIt is kim@example.com.\n\nEnd';
    const document = {
      text,
      author: 'lee@example.com',
      pages: [
        { page: 1, start: 0, end: 20 },
        { page: 2, start: 20, end: text.length },
      ],
      headings: [{ level: 1, start: 0, end: 18 }],
    };
    const masked = prepareDocument({ format: 'docx', document }, { ...options, pii: 'mask' });
    const own = 'Call [PHONE]\n\nIt is [EMAIL].\n\nEnd';
    expect(masked.document).toEqual({
      format: 'docx',
      text: own,
      pages: [
        { page: 1, start: 0, end: 14 },
        { page: 2, start: 14, end: own.length },
      ],
      found: { author: '[EMAIL]', language: 'en' },
      pii: { policy: 'mask', found: { phone: 1, email: 2 } },
    });
    const [chunk] = masked.chunks;
    expect(chunk).toMatchObject({ text: own, heading: 'Call [PHONE]' });
    expect(chunk?.words).not.toContain('5678');
    const refused = prepareDocument({ format: 'docx', document }, { ...options, pii: 'reject' });
    expect([...refused.chunks]).toEqual([]);
    const clean = prepareDocument(givenText('Nothing in it.'), { ...options, pii: 'reject' });
    expect(clean.document.pii).toEqual({ policy: 'reject', found: {} });
    expect([...clean.chunks]).toHaveLength(1);
  });

  it('counts blank pages', async () => {
    const pages = [1, 2].map((page) => ({ page, start: 0, end: 0 }));
    const document = { text: '', title: 'kim@example.com', pages, headings: [] };
    const files = async function* () {
      yield { format: 'pdf' as const, document };
    };
    const nothing = async () => {
      throw new Error('blank pages have no windows');
    };
    const sink = { chunk: nothing, window: nothing };
    expect(await prepareWindows(files(), { ...options, pii: 'mask' }, sink)).toEqual({
      format: 'pdf',
      pages,
      found: { title: '[EMAIL]', language: 'und' },
      pii: { policy: 'mask', found: { email: 1 } },
    });
  });

  it('refuses a text without words and one beyond the limit', () => {
    expect(() => prepareDocument(givenText(' \n'), options)).toThrow(
      expect.objectContaining({ code: 'document_empty' }),
    );
    expect(() => prepareDocument(givenText('a'.repeat(20_000_001)), options)).toThrow(
      expect.objectContaining({
        code: 'document_too_large',
        message: expect.stringContaining('20 million'),
      }),
    );
  });
});
