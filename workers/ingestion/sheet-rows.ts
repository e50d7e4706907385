import { type CellKind, cellText } from './cell-format.ts';
import { singleLine } from './normalise-text.ts';
import type { XmlHandlers, XmlTag } from './read-xml.ts';

export interface Workbook {
  strings: readonly string[];
  kinds: readonly CellKind[];
  date1904: boolean;
}

/** Most columns of a sheet, as Excel has them. */
const maxColumns = 16_384;

/**
 * Reads the rows of a worksheet part (ECMA-376 part 1, 18.3) as they come. A row is called with its number from 1 and its
 * cells by column, '' where there is none.
 */
export function sheetHandlers(
  { strings, kinds, date1904 }: Workbook,
  row: (number: number, cells: string[]) => void,
): XmlHandlers {
  let number = 0;
  let cells: string[] = [];
  let column = 0;
  let type = 'n';
  let kind: CellKind = 'number';
  let value = '';
  let inValue = false;
  let phonetic = false;

  function beginCell(tag: XmlTag): void {
    const { r, t, s } = tag.attributes;
    column = r === undefined ? cells.length : columnOf(r);
    type = t ?? 'n';
    kind = kinds[Number(s ?? 0)] ?? 'number';
    value = '';
  }

  function endCell(): void {
    const text = textOf(value);
    if (text === '' || column >= maxColumns) return;
    while (cells.length < column) cells.push('');
    cells[column] = singleLine(text);
  }

  function textOf(raw: string): string {
    if (type === 's') return strings[Number(raw)] ?? '';
    if (type === 'b') return raw === '1' ? 'TRUE' : raw === '0' ? 'FALSE' : raw;
    if (type === 'n') return cellText(raw, kind, date1904);
    return raw;
  }

  return {
    open(tag) {
      const { name } = tag;
      if (name === 'c') beginCell(tag);
      else if (name === 'row') {
        number = Number(tag.attributes.r ?? number + 1) || number + 1;
        cells = [];
      } else if (name === 'rPh') phonetic = true;
      else if (name === 'v' || name === 't') inValue = !phonetic;
    },
    text(data) {
      if (inValue) value += data;
    },
    close(name) {
      if (name === 'v' || name === 't') inValue = false;
      else if (name === 'rPh') phonetic = false;
      else if (name === 'c') endCell();
      else if (name === 'row' && cells.length > 0) row(number, cells);
    },
  };
}

/** 0 for `A7`, 27 for `AB1`. */
function columnOf(reference: string): number {
  let column = 0;
  for (let i = 0; i < reference.length; i += 1) {
    const letter = reference.charCodeAt(i) & ~32;
    if (letter < 65 || letter > 90) break;
    column = column * 26 + letter - 64;
  }
  return column - 1;
}
