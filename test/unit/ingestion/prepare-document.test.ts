import { describe, expect, it } from 'vitest';
import { countWords } from '../../../src/retrieval/analyze.ts';
import { givenText, prepareDocument } from '../../../workers/ingestion/prepare-document.ts';

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
