import { columnStarts, type Glyph } from './pdf-columns.ts';
import { type PdfiumModule, utf16, withBuffer } from './pdfium-memory.ts';

/** Consecutive characters; what stands before the first of them. */
interface Run {
  first: number;
  count: number;
  before: '\n' | ' | ';
}

/** Text of a page in the order it is drawn: what stands outside the page is left out, columns of tables are marked. */
export function pageText(pdfium: PdfiumModule, page: number, textPage: number): string {
  let text = '';
  for (const run of visibleRuns(pdfium, page, textPage)) {
    const part = textOf(pdfium, textPage, run).trim();
    if (part !== '') text += text === '' ? part : run.before + part;
  }
  return text;
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
    if (!(left < right && bottom < top)) return [{ first: 0, count, before: '\n' }];
    const pieces: Run[] = [];
    const glyphs: Glyph[] = [];
    let open: Run | undefined;
    let visible = true;
    for (let i = 0; i < count; i += 1) {
      pdfium._FPDFText_GetCharBox(textPage, i, box, box + 8, box + 16, box + 24);
      const [charLeft, charRight, charBottom, charTop] = [double(0), double(1), double(2), double(3)];
      if (charLeft < charRight && charBottom < charTop) {
        visible = charRight > left && charLeft < right && charTop > bottom && charBottom < top;
        if (visible)
          glyphs.push({
            index: i,
            code: pdfium._FPDFText_GetUnicode(textPage, i),
            left: charLeft,
            right: charRight,
            bottom: charBottom,
            top: charTop,
          });
      }
      if (!visible) open = undefined;
      else if (open !== undefined) open.count += 1;
      else {
        open = { first: i, count: 1, before: '\n' };
        pieces.push(open);
      }
    }
    return cutAtColumns(pieces, columnStarts(glyphs));
  });
}

function cutAtColumns(runs: readonly Run[], starts: readonly number[]): Run[] {
  const result: Run[] = [];
  let next = 0;
  for (const { first, count, before } of runs) {
    let open: Run = { first, count, before };
    for (; next < starts.length && (starts[next] ?? 0) < first + count; next += 1) {
      const start = starts[next] ?? 0;
      if (start <= open.first) continue;
      result.push({ ...open, count: start - open.first });
      open = { first: start, count: first + count - start, before: ' | ' };
    }
    result.push(open);
  }
  return result;
}

function textOf(pdfium: PdfiumModule, textPage: number, { first, count }: Run): string {
  return withBuffer(pdfium, (count + 1) * 2, (buffer) => {
    const units = pdfium._FPDFText_GetText(textPage, first, count, buffer);
    return utf16(pdfium, buffer, (units - 1) * 2);
  });
}
