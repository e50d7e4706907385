import type { PDFiumModule } from '@hyzyla/pdfium';

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
  _FPDFText_GetUnicode(textPage: number, index: number): number;
  _FPDF_GetMetaText(document: number, tag: number, buffer: number, bytes: number): number;
}

/** An instance of PDFium with a memory of its own; pages, documents and buffers are addresses in it. */
export type PdfiumModule = Awaited<ReturnType<typeof PDFiumModule>> & Undeclared;

/** Lends a piece of PDFium's memory. */
export function withBuffer<T>(pdfium: PdfiumModule, bytes: number, use: (buffer: number) => T): T {
  const buffer = pdfium.wasmExports.malloc(bytes);
  if (buffer === 0) throw new RangeError('PDFium is out of memory');
  try {
    return use(buffer);
  } finally {
    pdfium.wasmExports.free(buffer);
  }
}

/** Address of a copy in PDFium's memory; the caller frees it. */
export function copyIn(pdfium: PdfiumModule, bytes: Uint8Array): number {
  const address = pdfium.wasmExports.malloc(bytes.length);
  if (address === 0) throw new RangeError('PDFium is out of memory');
  // The heap is looked up only now: it moves when it grows.
  pdfium.HEAPU8.set(bytes, address);
  return address;
}

/** A string as PDFium hands them out. */
export function utf16(pdfium: PdfiumModule, address: number, bytes: number): string {
  return bytes <= 0 ? '' : Buffer.from(pdfium.HEAPU8.buffer, address, bytes).toString('utf16le');
}
