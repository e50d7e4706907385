import type { ParserRegistry } from '../formats.ts';
import { csvParser } from './csv.ts';
import { docxParser } from './docx.ts';
import { htmlParser } from './html.ts';
import { jsonParser } from './json.ts';
import { markdownParser } from './markdown.ts';
import { pdfParser } from './pdf.ts';
import { textParser } from './text.ts';

/** Format → parser: a new format is one line here, one name in `formatNames` and one file beside this one. */
export const parsers: ParserRegistry = {
  txt: textParser,
  md: markdownParser,
  html: htmlParser,
  pdf: pdfParser,
  docx: docxParser,
  csv: csvParser,
  json: jsonParser,
};
