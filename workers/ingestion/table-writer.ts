import type { DocumentBuilder } from './document-builder.ts';

export interface TableWriter {
  /** Cells of a row in order, each on one line; '' where there is none. A row without any is left out. */
  row(cells: readonly string[]): void;
  /** The next row begins a table of its own. */
  end(): void;
}

/**
 * Writes the rows of a table as lines `header: value; header: value`, so that a row found alone still says what its values
 * are; empty values are left out. The first row is the header when it looks like one.
 */
export function createTableWriter(builder: DocumentBuilder): TableWriter {
  let header: readonly string[] | undefined;
  let rows = 0;

  function end(): void {
    // A header without rows is still all that the table says.
    if (rows === 0 && header !== undefined && header.length > 0) builder.block(filled(header).join('; '));
    header = undefined;
    rows = 0;
  }

  return {
    row(cells) {
      if (header === undefined) {
        header = isHeader(cells) ? [...cells] : [];
        if (header.length > 0) return;
      }
      const line = rowLine(cells, header);
      if (line === '') return;
      builder.block(line, { tight: rows > 0 });
      rows += 1;
    },
    end,
  };
}

function filled(cells: readonly string[]): string[] {
  return cells.filter((cell) => cell !== '');
}

/** A first row is a header when every cell but one is filled, none is a number, and no two are the same. */
function isHeader(cells: readonly string[]): boolean {
  const labels = filled(cells);
  return (
    labels.length >= Math.max(1, cells.length - 1) &&
    new Set(labels).size === labels.length &&
    !labels.some((cell) => /^[-+]?[\d.,\s]+%?$/.test(cell))
  );
}

function rowLine(cells: readonly string[], header: readonly string[]): string {
  return filled(cells.map((cell, i) => (cell === '' ? '' : header[i] ? `${header[i]}: ${cell}` : cell))).join(
    '; ',
  );
}
