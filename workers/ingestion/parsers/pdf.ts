import { AppError } from '../../../src/errors.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import type { Parser } from '../formats.ts';
import { isoDate } from '../iso-date.ts';
import { joinHyphens } from '../join-hyphens.ts';
import { singleLine } from '../normalise-text.ts';
import { openPdf, type PdfFile, PdfOpenError, pdfErrors } from '../pdfium.ts';

/** Between pages; PDFium gives none within one. */
const pageBreak = '\f';

/** PDF with a text layer; pages as the file counts them, empty ones included. */
export const pdfParser: Parser = {
  format: 'pdf',
  contentTypes: ['application/pdf'],
  async parse(bytes) {
    const pdf = await openPdf(bytes).catch(refuse);
    const found = metadata(pdf);
    const texts = await pageTexts(bytes, pdf);
    if (!texts.some((text) => text !== undefined))
      throw new AppError('document_unreadable', 'The PDF is damaged: none of its pages could be read.');
    const builder = createDocumentBuilder();
    for (const text of joinHyphens(texts.join(pageBreak)).split(pageBreak)) {
      builder.beginPage();
      builder.block(text);
    }
    const built = builder.build();
    if (built.text === '') throw scanned(texts.length);
    return { ...built, ...found };
  },
};

/** Text of each page; undefined where a page is damaged. */
async function pageTexts(bytes: Uint8Array, opened: PdfFile): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  let pdf = opened;
  while (texts.length < opened.pageCount) {
    try {
      texts.push(pdf.pageText(texts.length)?.replaceAll(pageBreak, '\n'));
    } catch {
      // The page crashed the reader: it counts as damaged, and a new reader goes on with the next one.
      texts.push(undefined);
      pdf = await openPdf(bytes);
    }
  }
  return texts;
}

function metadata(pdf: PdfFile): { title?: string; author?: string; date?: string } {
  const title = properTitle(singleLine(pdf.info('Title')));
  const author = singleLine(pdf.info('Author'));
  const date = isoDate(pdf.info('CreationDate'));
  return { ...(title && { title }), ...(author && { author }), ...(date && { date }) };
}

/** What programs write when nobody gave a title is none. */
function properTitle(title: string): string {
  if (/^(?:untitled|title|제목 ?없음|\(?anonymous\)?)$/i.test(title)) return '';
  return title.replace(/^Microsoft (?:Word|PowerPoint|Excel) - /, '');
}

function refuse(error: unknown): never {
  const reason = error instanceof PdfOpenError ? error.reason : undefined;
  if (reason === pdfErrors.password)
    throw new AppError('document_encrypted', 'The PDF is protected with a password.', { cause: error });
  if (reason === pdfErrors.security)
    throw new AppError('document_encrypted', 'The PDF is protected in a way that cannot be opened.', {
      cause: error,
    });
  throw new AppError('document_unreadable', 'The PDF is damaged or incomplete and could not be opened.', {
    cause: error,
  });
}

function scanned(pages: number): AppError {
  const size = pages === 1 ? 'its page has' : `its ${pages} pages have`;
  return new AppError(
    'document_empty',
    `The PDF looks scanned: ${size} no text layer. Run it through text recognition (OCR) first.`,
  );
}
