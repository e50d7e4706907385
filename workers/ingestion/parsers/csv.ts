import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { AppError } from '../../../src/errors.ts';
import { decodeText } from '../decode-text.ts';
import { createDocumentBuilder } from '../document-builder.ts';
import { declaredCharset, extensionOf, type FileHints, type Parser } from '../formats.ts';
import { singleLine } from '../normalise-text.ts';
import { createTableWriter } from '../table-writer.ts';

const sliceLength = 65_536;
const maxRows = 200_000;
const maxColumns = 5_000;
const separators = [',', ';', '\t', '|'] as const;

/**
 * Rows of comma, semicolon, tab or bar separated values. Each row becomes one line `header: value; header: value`, so a
 * row found alone still says what its values are; empty values are left out.
 */
export const csvParser: Parser = {
  format: 'csv',
  contentTypes: ['text/csv', 'text/tab-separated-values', 'application/csv'],
  async parse(bytes, hints) {
    const text = decodeText(bytes, declaredCharset(hints));
    const builder = createDocumentBuilder();
    const table = createTableWriter(builder);
    let rows = 0;
    for await (const row of rowsOf(text, await separatorOf(text, hints))) {
      rows += 1;
      if (rows > maxRows || row.length > maxColumns) throw tooLarge();
      table.row(row.map(singleLine));
    }
    table.end();
    return builder.build();
  },
};

async function* rowsOf(text: string, delimiter: string, toLine?: number): AsyncGenerator<string[]> {
  // In slices, so that its rows are not all made before the first one is taken.
  const parser = Readable.from(slicesOf(text)).pipe(
    parse({
      delimiter,
      ...(toLine !== undefined && { to_line: toLine }),
      bom: true,
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      max_record_size: 4_000_000,
    }),
  );
  try {
    yield* parser as AsyncIterable<string[]>;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (error.code === 'CSV_MAX_RECORD_SIZE') throw tooLarge();
    const line = typeof error.lines === 'number' ? ` near line ${error.lines}` : '';
    throw new AppError(
      'document_unreadable',
      `The table could not be read: its quotes do not match${line}.`,
      { cause: error },
    );
  }
}

function* slicesOf(text: string): Generator<string> {
  for (let from = 0; from < text.length; from += sliceLength) yield text.slice(from, from + sliceLength);
}

/** The separator that cuts the first lines into the most columns alike; the file's own name decides for tabs. */
async function separatorOf(text: string, hints: FileHints): Promise<string> {
  if (['tsv', 'tab'].includes(extensionOf(hints) ?? '')) return '\t';
  // The sample ends with a whole line, so that no cell of it is cut.
  const sample = text.slice(0, Math.max(text.slice(0, 64_000).lastIndexOf('\n'), 0) || 64_000);
  let best: { separator: string; score: number } = { separator: ',', score: 0 };
  for (const separator of separators) {
    const score = await agreement(sample, separator);
    if (score > best.score) best = { separator, score };
  }
  return best.separator;
}

/** Share of rows with the commonest column count, plus a little for more columns; 0 where the separator cuts nothing. */
async function agreement(sample: string, separator: string): Promise<number> {
  const counts = new Map<number, number>();
  let rows = 0;
  try {
    for await (const row of rowsOf(sample, separator, 50)) {
      rows += 1;
      counts.set(row.length, (counts.get(row.length) ?? 0) + 1);
    }
  } catch (error) {
    if (error instanceof AppError) return 0;
    throw error;
  }
  const [columns, alike] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? [1, 0];
  return columns < 2 ? 0 : alike / rows + Math.min(columns, 50) / 1000;
}

function tooLarge(): AppError {
  return new AppError(
    'document_too_large',
    `The table is larger than the limit of ${maxRows.toLocaleString('en')} rows and ${maxColumns.toLocaleString('en')} columns, or one of its rows is longer than 4 million characters.`,
  );
}
