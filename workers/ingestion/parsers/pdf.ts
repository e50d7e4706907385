import { AppError } from '../../../src/errors.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import type { Parser } from '../formats.ts';
import { isoDate } from '../iso-date.ts';
import { joinHyphens } from '../join-hyphens.ts';
import { singleLine } from '../normalise-text.ts';
import { openPdf, type PdfFile, PdfOpenError, pdfErrors } from '../pdfium.ts';
import type { OpenRecogniser, Recogniser } from '../recogniser.ts';

/** Between pages; PDFium gives none within one. */
const pageBreak = '\f';

/**
 * PDF: pages as the file counts them, empty ones included. A page without text but with something drawn on it is scanned:
 * its text is recognised, where that is switched on. One of blank pages is read as having no text.
 */
export function createPdfParser(openRecogniser: OpenRecogniser | undefined): Parser {
  return {
    format: 'pdf',
    contentTypes: ['application/pdf'],
    async parse(bytes) {
      const pdf = await openPdf(bytes).catch(refuse);
      const found = metadata(pdf);
      const texts = await pageTexts(bytes, pdf);
      if (!texts.some((text) => text !== undefined))
        throw new AppError('document_unreadable', 'The PDF is damaged: none of its pages could be read.');
      const scans = await scannedPages(bytes, texts);
      if (openRecogniser !== undefined) await recognise(bytes, scans, texts, await openRecogniser());
      const builder = createDocumentBuilder();
      for (const text of joinHyphens(texts.join(pageBreak)).split(pageBreak)) {
        builder.beginPage();
        builder.block(text);
      }
      const built = builder.build();
      if (built.text === '' && scans.length > 0 && openRecogniser === undefined) throw scanned(texts.length);
      return { ...built, ...found };
    },
  };
}

/** Pages without text that show something, from 0. */
async function scannedPages(bytes: Uint8Array, texts: readonly (string | undefined)[]): Promise<number[]> {
  const blank = texts.flatMap((text, page) => (text?.trim() === '' ? [page] : []));
  if (blank.length === 0) return [];
  // A reader of its own: the first one may have crashed on a damaged page.
  const pdf = await openPdf(bytes);
  return blank.filter((page) => pdf.hasPicture(page));
}

/** Puts what is recognised on the pages in the place of their missing text. */
async function recognise(
  bytes: Uint8Array,
  pages: readonly number[],
  texts: (string | undefined)[],
  recogniser: Recogniser,
): Promise<void> {
  if (pages.length === 0) return;
  const pdf = await openPdf(bytes);
  for (const page of pages) {
    const picture = pdf.renderPage(page);
    if (picture !== undefined) texts[page] = recogniser.read(picture).replaceAll(pageBreak, '\n');
  }
}

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
    'document_needs_ocr',
    `The PDF looks scanned: ${size} no text layer. Set OCR=true to have the text recognised, or send a PDF with text.`,
  );
}
