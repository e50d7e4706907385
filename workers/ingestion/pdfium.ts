import { PDFiumModule } from '@hyzyla/pdfium';
import { renderPage } from './pdf-page-picture.ts';
import { pageText } from './pdf-page-text.ts';
import { copyIn, type PdfiumModule, utf16, withBuffer } from './pdfium-memory.ts';

/** `FPDF_ERR_…` of fpdfview.h, as far as they say more than "damaged". */
export const pdfErrors = { password: 4, security: 5 } as const;

export class PdfOpenError extends Error {
  /** `FPDF_GetLastError`. */
  readonly reason: number;

  constructor(reason: number) {
    super(`PDFium error ${reason}`);
    this.reason = reason;
  }
}

export interface PdfFile {
  readonly pageCount: number;
  /**
   * Text of a page in reading order, cells of a table with ` | ` between them; undefined when the page can't be loaded. A hyphen at a line end comes with that line
   * end as one U+FFFE. Throws when the page crashes the reader: the file is of no use then and must be opened anew.
   *
   * @param index from 0
   */
  pageText(index: number): string | undefined;
  /** Whether something is drawn on the page: a picture, or shapes such as letters that were turned into outlines. */
  hasPicture(index: number): boolean;
  /** The page as a grey PNM picture of 200 dots an inch, less where it is very large; undefined when it can't be drawn. */
  renderPage(index: number): Buffer | undefined;
  /** An entry of the information dictionary, e.g. `Title`; '' where the file has none. */
  info(tag: string): string;
}

/**
 * Opens a PDF in an instance of its own, so that a damaged file leaves nothing behind for the next one; the instance's
 * memory goes, file and all, when nobody holds the result any more.
 *
 * @throws PdfOpenError
 */
export async function openPdf(bytes: Uint8Array): Promise<PdfFile> {
  const pdfium = (await PDFiumModule({})) as PdfiumModule;
  pdfium._FPDF_InitLibraryWithConfig({});
  const content = copyIn(pdfium, bytes);
  const document = pdfium._FPDF_LoadMemDocument(content, bytes.length, 0);
  if (document === 0) throw new PdfOpenError(pdfium._FPDF_GetLastError());
  return {
    pageCount: pdfium._FPDF_GetPageCount(document),
    pageText(index) {
      const page = pdfium._FPDF_LoadPage(document, index);
      if (page === 0) return undefined;
      const textPage = pdfium._FPDFText_LoadPage(page);
      if (textPage === 0) return undefined;
      const text = pageText(pdfium, page, textPage);
      pdfium._FPDFText_ClosePage(textPage);
      pdfium._FPDF_ClosePage(page);
      return text;
    },
    hasPicture(index) {
      const page = pdfium._FPDF_LoadPage(document, index);
      if (page === 0) return false;
      const objects = pdfium._FPDFPage_CountObjects(page);
      pdfium._FPDF_ClosePage(page);
      return objects > 0;
    },
    renderPage: (index) => renderPage(pdfium, document, index),
    info(tag) {
      const name = copyIn(pdfium, Buffer.from(`${tag}\0`, 'latin1'));
      const bytes = pdfium._FPDF_GetMetaText(document, name, 0, 0);
      const text = withBuffer(pdfium, bytes, (buffer) => {
        pdfium._FPDF_GetMetaText(document, name, buffer, bytes);
        return utf16(pdfium, buffer, bytes - 2);
      });
      pdfium.wasmExports.free(name);
      return text;
    },
  };
}
