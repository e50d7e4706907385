import type { DocumentBuilder } from './document-builder.ts';
import { createTableWriter, type TableWriter } from './table-writer.ts';

/** A sheet is any number of tables, parted by blank rows. */
export interface SheetWriter extends TableWriter {
  /** Where else the sheet has text, under the same heading. */
  builder: DocumentBuilder;
}

/**
 * Writes a sheet under its name: each of its tables like a csv. A line with one cell at the beginning of a table is its title
 * when a row of several follows. A row without any cell ends a table.
 */
export function createSheetWriter(document: DocumentBuilder, name: string): SheetWriter {
  const builder = underHeading(document, name);
  const table = createTableWriter(builder);
  let fresh = true;
  let title: readonly string[] | undefined;

  function settle(next: readonly string[]): void {
    if (title !== undefined && filled(next) > 1) builder.block(title.join(''));
    else if (title !== undefined) table.row(title);
    title = undefined;
  }

  function end(): void {
    settle([]);
    table.end();
    fresh = true;
  }

  return {
    row(cells) {
      if (filled(cells) === 0) {
        end();
        return;
      }
      settle(cells);
      if (fresh && filled(cells) === 1) title = cells;
      else table.row(cells);
      fresh = false;
    },
    end,
    builder,
  };
}

function filled(cells: readonly string[]): number {
  return cells.filter((cell) => cell !== '').length;
}

/** The builder, with a heading before the first block that has text: what is empty has no heading either. */
function underHeading(builder: DocumentBuilder, heading: string): DocumentBuilder {
  let named = false;
  return {
    ...builder,
    block(text, options) {
      if (!named && text.trim() !== '') {
        named = true;
        builder.block(heading, { headingLevel: 1 });
      }
      builder.block(text, options);
    },
  };
}
