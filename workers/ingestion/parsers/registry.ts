import type { ParserRegistry } from '../formats.ts';
import { parseDocument } from '../parse-document.ts';
import type { OpenRecogniser } from '../recogniser.ts';
import { csvParser } from './csv.ts';
import { docxParser } from './docx.ts';
import { createEmlParser } from './eml.ts';
import { epubParser } from './epub.ts';
import { htmlParser } from './html.ts';
import { hwpParser } from './hwp.ts';
import { hwpxParser } from './hwpx.ts';
import { createImageParser } from './image.ts';
import { jsonParser } from './json.ts';
import { markdownParser } from './markdown.ts';
import { odsParser } from './ods.ts';
import { odpParser, odtParser } from './odt.ts';
import { createPdfParser } from './pdf.ts';
import { pptxParser } from './pptx.ts';
import { rtfParser } from './rtf.ts';
import { textParser } from './text.ts';
import { xlsxParser } from './xlsx.ts';
import { xmlParser } from './xml.ts';

/** Messages inside messages that are still read. */
const maxAttachmentDepth = 2;

/**
 * Format → parser: a new format is one line here, one name in `formatNames` and one file beside this one.
 *
 * @param openRecogniser reads pictures and scanned pages; without it they are refused with `document_needs_ocr`
 */
export function createParsers(openRecogniser?: OpenRecogniser, depth = 0): ParserRegistry {
  const readAttachment =
    depth >= maxAttachmentDepth
      ? undefined
      : async (...file: Parameters<ParserRegistry['txt']['parse']>) =>
          (await parseDocument(...file, createParsers(openRecogniser, depth + 1))).document;
  return {
    txt: textParser,
    md: markdownParser,
    html: htmlParser,
    xml: xmlParser,
    pdf: createPdfParser(openRecogniser),
    docx: docxParser,
    pptx: pptxParser,
    xlsx: xlsxParser,
    odt: odtParser,
    odp: odpParser,
    ods: odsParser,
    hwp: hwpParser,
    hwpx: hwpxParser,
    rtf: rtfParser,
    epub: epubParser,
    eml: createEmlParser(readAttachment),
    csv: csvParser,
    json: jsonParser,
    image: createImageParser(openRecogniser),
  };
}

/** What the parser process loads unless text recognition is on. */
export const parsers: ParserRegistry = createParsers();
