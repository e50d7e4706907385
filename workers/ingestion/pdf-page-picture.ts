import type { PdfiumModule } from './pdfium-memory.ts';

const dotsPerInch = 200;
/** A sheet of A3 at that density; each takes four bytes while it is drawn. */
const maxPixels = 8_000_000;

/** A page as a grey PGM picture; undefined when it can't be drawn. */
export function renderPage(pdfium: PdfiumModule, document: number, index: number): Buffer | undefined {
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
