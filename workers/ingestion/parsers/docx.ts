import { load } from 'cheerio';
import { decodeText } from '../decode-text.ts';
import type { Parser } from '../formats.ts';
import { inspectZip } from '../inspect-zip.ts';
import { isoDate } from '../iso-date.ts';
import { singleLine } from '../normalise-text.ts';
import { parseHtml } from './html.ts';

const properties = 'docProps/core.xml';

/** Word files (docx, docm and their templates), by way of HTML: headings, lists and tables come along. */
export const docxParser: Parser = {
  format: 'docx',
  contentTypes: [
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    'application/vnd.ms-word.document.macroenabled.12',
  ],
  async parse(bytes) {
    const members = await inspectZip(bytes, [properties]);
    const { default: mammoth } = await import('mammoth');
    const { value: html } = await mammoth.convertToHtml(
      { buffer: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) },
      {
        externalFileAccess: false,
        includeEmbeddedStyleMap: false,
        // The title style is the document's name: its outermost heading. Pictures have no text, so they are not unpacked.
        styleMap: ["p[style-name='Title'] => h1:fresh", "p[style-name='제목'] => h1:fresh"],
        convertImage: mammoth.images.imgElement(async () => ({ src: '' })),
      },
    );
    const document = parseHtml(html);
    const core = coreProperties(members.get(properties));
    return { ...document, ...core };
  },
};

/** Dublin Core part of the package (ECMA-376 part 2, 8.3). */
function coreProperties(xml: Buffer | undefined): {
  title?: string;
  author?: string;
  date?: string;
  language?: string;
} {
  if (xml === undefined) return {};
  const $ = load(decodeText(xml), { xml: true });
  const field = (name: string): string => singleLine($(name.replace(':', '\\:')).first().text());
  const title = field('dc:title');
  const author = field('dc:creator');
  const date = isoDate(field('dcterms:created'));
  const language = field('dc:language');
  return {
    ...(title && { title }),
    ...(author && { author }),
    ...(date && { date }),
    ...(language && { language }),
  };
}
