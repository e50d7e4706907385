import { singleLine } from './normalise-text.ts';
import type { XmlHandlers, XmlTag } from './read-xml.ts';

/** Most columns of a sheet; LibreOffice has as many. */
const maxColumns = 16_384;

/**
 * Handlers for the sheets of an OpenDocument spreadsheet (OASIS ODF 1.3 part 3, 9). A row that is repeated is given once;
 * blank ones are given as well, since they part tables.
 *
 * @param hidden names of styles of sheets that are not shown
 */
export function odfSheetHandlers(
  hidden: ReadonlySet<string>,
  sheet: (name: string) => void,
  row: (cells: string[]) => void,
): XmlHandlers {
  let cells: string[] = [];
  let text: string[] | undefined;
  let repeat = 1;
  let skip = 0;

  function beginCell(tag: XmlTag): void {
    repeat = Math.max(1, Number(tag.attribute('table:number-columns-repeated') ?? 1) || 1);
    text = [];
  }

  function endCell(): void {
    const value = singleLine((text ?? []).join(''));
    text = undefined;
    // Only what is said is repeated: rows are padded to the edge of the sheet with blank cells.
    const room = Math.min(repeat, maxColumns - cells.length);
    for (let i = 0; i < room; i += 1) cells.push(value);
  }

  return {
    open(tag) {
      const { name } = tag;
      const unseen = name === 'table' && hidden.has(tag.attribute('table:style-name') ?? '');
      if (skip > 0 || unseen || name === 'annotation' || name === 'tracked-changes') skip += 1;
      else if (name === 'table') sheet(tag.attribute('table:name') ?? '');
      else if (name === 'table-row') cells = [];
      else if (name === 'table-cell' || name === 'covered-table-cell') beginCell(tag);
      else if (name === 'p' || name === 's' || name === 'tab' || name === 'line-break') text?.push(' ');
    },
    text(data) {
      if (skip === 0) text?.push(data);
    },
    close(name) {
      if (skip > 0) skip -= 1;
      else if (name === 'table-cell' || name === 'covered-table-cell') endCell();
      else if (name === 'table-row') {
        while (cells.at(-1) === '') cells.pop();
        row(cells);
      }
    },
  };
}
