import { PDFiumModule } from '@hyzyla/pdfium';

/** Functions of PDFium's C API (fpdfview.h, fpdf_text.h, fpdf_doc.h) that the package carries without declaring them. */
interface Undeclared {
  _FPDF_GetPageBoundingBox(page: number, box: number): number;
  _FPDFText_GetCharBox(
    textPage: number,
    index: number,
    left: number,
    right: number,
    bottom: number,
    top: number,
  ): number;
  _FPDF_GetMetaText(document: number, tag: number, buffer: number, bytes: number): number;
}

type PdfiumModule = Awaited<ReturnType<typeof PDFiumModule>> & Undeclared;

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
   * Text of a page in reading order; undefined when the page can't be loaded. A hyphen at a line end comes with that line
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
      const runs = visibleRuns(pdfium, page, textPage).map((run) => textOf(pdfium, textPage, run).trim());
      pdfium._FPDFText_ClosePage(textPage);
      pdfium._FPDF_ClosePage(page);
      return runs.filter((run) => run !== '').join('\n');
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

const dotsPerInch = 200;
/** A sheet of A3 at that density; each takes four bytes while it is drawn. */
const maxPixels = 8_000_000;

function renderPage(pdfium: PdfiumModule, document: number, index: number): Buffer | undefined {
  const page = pdfium._FPDF_LoadPage(document, index);
  if (page === 0) return undefined;
  const [width, height] = [pdfium._FPDF_GetPageWidth(page), pdfium._FPDF_GetPageHeight(page)];
  const scale = Math.min(dotsPerInch / 72, Math.sqrt(maxPixels / (width * height)));
  const [columns, rows] = [Math.round(width * scale), Math.round(height * scale)];
  const bitmap = columns > 0 && rows > 0 ? pdfium._FPDFBitmap_CreateEx(columns, rows, 3, 0, 0) : 0;
  if (bitmap === 0) return undefined;
  pdfium._FPDFBitmap_FillRect(bitmap, 0, 0, columns, rows, 0xffffffff);
  // 1: with what annotations and form fields show (FPDF_ANNOT).
  pdfium._FPDF_RenderPageBitmap(bitmap, page, 0, 0, columns, rows, 0, 1);
  const stride = pdfium._FPDFBitmap_GetStride(bitmap);
  const pixels = Buffer.from(pdfium.HEAPU8.buffer, pdfium._FPDFBitmap_GetBuffer(bitmap), stride * rows);
  const picture = greyPicture(pixels, columns, rows, stride);
  pdfium._FPDFBitmap_Destroy(bitmap);
  pdfium._FPDF_ClosePage(page);
  return picture;
}

/** Blue, green, red and a spare byte → grey by ITU-R BT.601, in the PGM format. */
function greyPicture(pixels: Buffer, columns: number, rows: number, stride: number): Buffer {
  const header = Buffer.from(`P5\n${columns} ${rows}\n255\n`, 'latin1');
  const picture = Buffer.alloc(header.length + columns * rows);
  header.copy(picture);
  let at = header.length;
  for (let row = 0; row < rows; row += 1) {
    for (let i = row * stride; i < row * stride + columns * 4; i += 4) {
      const [blue = 0, green = 0, red = 0] = [pixels[i], pixels[i + 1], pixels[i + 2]];
      picture[at] = (red * 299 + green * 587 + blue * 114) / 1000;
      at += 1;
    }
  }
  return picture;
}

interface Run {
  first: number;
  count: number;
}

/**
 * Characters that stand on the page at all, in runs: the halves of a spread, for one, carry each other's text outside
 * their edges, where no reader sees it. White space has no extent and goes with what stands before it.
 */
function visibleRuns(pdfium: PdfiumModule, page: number, textPage: number): Run[] {
  const count = pdfium._FPDFText_CountChars(textPage);
  return withBuffer(pdfium, 32, (box) => {
    const float = (i: number): number => new DataView(pdfium.HEAPU8.buffer).getFloat32(box + i * 4, true);
    const double = (i: number): number => new DataView(pdfium.HEAPU8.buffer).getFloat64(box + i * 8, true);
    pdfium._FPDF_GetPageBoundingBox(page, box);
    const [left, top, right, bottom] = [float(0), float(1), float(2), float(3)];
    // A page without extent is a mistake of the file: nothing can be told from it.
    if (!(left < right && bottom < top)) return [{ first: 0, count }];
    const runs: Run[] = [];
    let open: Run | undefined;
    let visible = true;
    for (let i = 0; i < count; i += 1) {
      pdfium._FPDFText_GetCharBox(textPage, i, box, box + 8, box + 16, box + 24);
      const [charLeft, charRight, charBottom, charTop] = [double(0), double(1), double(2), double(3)];
      if (charLeft < charRight && charBottom < charTop)
        visible = charRight > left && charLeft < right && charTop > bottom && charBottom < top;
      if (!visible) open = undefined;
      else if (open !== undefined) open.count += 1;
      else {
        open = { first: i, count: 1 };
        runs.push(open);
      }
    }
    return runs;
  });
}

function textOf(pdfium: PdfiumModule, textPage: number, { first, count }: Run): string {
  return withBuffer(pdfium, (count + 1) * 2, (buffer) => {
    const units = pdfium._FPDFText_GetText(textPage, first, count, buffer);
    return utf16(pdfium, buffer, (units - 1) * 2);
  });
}

function withBuffer<T>(pdfium: PdfiumModule, bytes: number, use: (buffer: number) => T): T {
  const buffer = pdfium.wasmExports.malloc(bytes);
  if (buffer === 0) throw new RangeError('PDFium is out of memory');
  try {
    return use(buffer);
  } finally {
    pdfium.wasmExports.free(buffer);
  }
}

function copyIn(pdfium: PdfiumModule, bytes: Uint8Array): number {
  const address = pdfium.wasmExports.malloc(bytes.length);
  if (address === 0) throw new RangeError('PDFium is out of memory');
  // The heap is looked up only now: it moves when it grows.
  pdfium.HEAPU8.set(bytes, address);
  return address;
}

function utf16(pdfium: PdfiumModule, address: number, bytes: number): string {
  return bytes <= 0 ? '' : Buffer.from(pdfium.HEAPU8.buffer, address, bytes).toString('utf16le');
}
