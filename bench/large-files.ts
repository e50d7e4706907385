import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createSynthetic } from './synthetic.ts';

const seed = 20_261_124;
const sentencesOfParagraph = 6;

/** A text of at least so many bytes: paragraphs of sentences, two thirds English and one third Korean, no two alike. */
export async function writeLargeText(path: string, bytes: number): Promise<void> {
  await pipeline(Readable.from(paragraphs(bytes)), createWriteStream(path));
}

function* paragraphs(bytes: number): Generator<Buffer> {
  const sentence = sentences();
  for (let written = 0; written < bytes; ) {
    const lines = Array.from({ length: sentencesOfParagraph }, sentence);
    const paragraph = Buffer.from(`${lines.join(' ')}\n\n`);
    written += paragraph.length;
    yield paragraph;
  }
}

function sentences(): () => string {
  const synthetic = createSynthetic({ seed, dimensions: 1, length: 14 });
  return () => {
    const { text } = synthetic.chunk();
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  };
}

const linesOfPage = 50;
/** What fits between the margins at 10 points: Hangul is twice as wide. */
const lineLength = { english: 90, korean: 48 };
const hangul = /[\uac00-\ud7a3]/;

/** A PDF of so many full pages, English and Korean, the latter in a font that the reader has to know, as is common. */
export async function writeLargePdf(path: string, pages: number): Promise<void> {
  await pipeline(Readable.from(pdfObjects(pages)), createWriteStream(path));
}

function* pdfObjects(pages: number): Generator<Buffer> {
  const offsets: number[] = [];
  let length = 0;
  const part = (text: string): Buffer => {
    const bytes = Buffer.from(text, 'latin1');
    length += bytes.length;
    return bytes;
  };
  const object = (body: string): Buffer => {
    offsets.push(length);
    return part(`${offsets.length} 0 obj\n${body}\nendobj\n`);
  };
  const kids = Array.from({ length: pages }, (_, page) => `${6 + page * 2} 0 R`).join(' ');
  const resources = '/Resources << /Font << /E 3 0 R /K 4 0 R >> >>';
  yield part('%PDF-1.4\n');
  yield object('<< /Type /Catalog /Pages 2 0 R >>');
  yield object(`<< /Type /Pages /Count ${pages} /Kids [${kids}] /MediaBox [0 0 595 842] ${resources} >>`);
  yield object('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>');
  yield object(
    '<< /Type /Font /Subtype /Type0 /BaseFont /HYSMyeongJo-Medium /Encoding /UniKS-UCS2-H /DescendantFonts [5 0 R] >>',
  );
  yield object(
    '<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HYSMyeongJo-Medium /DW 1000 /CIDSystemInfo << /Registry (Adobe) /Ordering (Korea1) /Supplement 1 >> >>',
  );
  const line = lines();
  for (let page = 0; page < pages; page++) {
    const shown = Array.from({ length: linesOfPage }, () => shownLine(line())).join('\n');
    const content = `BT 14 TL 50 780 Td\n${shown}\nET`;
    yield object(`<< /Type /Page /Parent 2 0 R /Contents ${7 + page * 2} 0 R >>`);
    yield object(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
  }
  const start = length;
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = offsets.length + 1;
  yield part(
    `xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`,
  );
}

/** Lines of running text as a page has them: words until the line is full. */
function lines(): () => string {
  const sentence = sentences();
  let words: string[] = [];
  return () => {
    let line = '';
    for (;;) {
      if (words.length === 0) words = sentence().split(' ');
      const [word = ''] = words;
      const korean = hangul.test(line === '' ? word : line);
      const full = line.length + word.length >= (korean ? lineLength.korean : lineLength.english);
      // One font a line keeps the writer simple: a sentence in the other script begins the next one.
      if (line !== '' && (full || hangul.test(word) !== korean)) return line;
      line = line === '' ? word : `${line} ${word}`;
      words.shift();
    }
  };
}

function shownLine(line: string): string {
  if (!hangul.test(line)) return `/E 10 Tf (${line}) Tj T*`;
  const hex = Buffer.from(line, 'utf16le').swap16().toString('hex');
  return `/K 10 Tf <${hex}> Tj T*`;
}
