import type { Knex } from 'knex';
import { type MovedColumn, type MovedTable, quote } from './move-tables.ts';

/** About so many bytes are in memory at a time; a row larger than that goes alone. */
const pageBytes = 4_000_000;

/** Most rows of a page; also how many sizes are asked for at a time. */
const pageRows = 5000;

/** How values are written as text: the same in both databases, without loss, whatever their own settings. */
const canonicalText = `set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local bytea_output = 'hex';
  set local extra_float_digits = 1; set local intervalstyle = 'iso_8601'; set local xmloption = 'content'`;

/** Everything that is read or written in the transaction afterwards speaks the same text. */
export async function speakCanonicalText(trx: Knex.Transaction): Promise<void> {
  for (const statement of canonicalText.split(';')) await trx.raw(statement);
}

/**
 * Copies a table's rows in the order of its key; returns how many. Two cursors go side by side: one reads how large the next
 * rows are, without fetching long values, so that the other one takes as many as fit into a page.
 */
export async function copyRows(
  source: Knex.Transaction,
  target: Knex.Transaction,
  table: MovedTable,
  onRows: (count: number) => void,
): Promise<number> {
  const order = table.key.length > 0 ? `order by ${table.key.map(quote).join(', ')}` : '';
  const from = `from ${quote(table.name)} ${order}`;
  const size = table.columns.map(textSize).join(' + ');
  const values = table.columns.map(({ name }) => `${quote(name)}::text as ${quote(name)}`).join(', ');
  await source.raw(`declare moved_sizes no scroll cursor for select ${size} as size ${from}`);
  await source.raw(`declare moved_rows no scroll cursor for select ${values} ${from}`);
  const insert = insertStatement(table);
  let copied = 0;
  for await (const count of pages(source)) {
    const { rows } = await source.raw(`fetch ${count} from moved_rows`);
    if (rows.length !== count)
      throw new Error(`${table.name}: ${rows.length} rows came instead of ${count}.`);
    await target.raw(
      insert,
      table.columns.map(({ name }) => rows.map((row: Record<string, string | null>) => row[name])),
    );
    copied += count;
    onRows(count);
  }
  await source.raw('close moved_sizes');
  await source.raw('close moved_rows');
  return copied;
}

/** Numbers of rows that fit into a page, one after the other, until none is left. */
async function* pages(source: Knex.Transaction): AsyncGenerator<number> {
  let count = 0;
  let bytes = 0;
  for (;;) {
    const { rows } = await source.raw(`fetch ${pageRows} from moved_sizes`);
    for (const { size } of rows as { size: number | string }[]) {
      if (count > 0 && (bytes + Number(size) > pageBytes || count === pageRows)) {
        yield count;
        count = 0;
        bytes = 0;
      }
      count++;
      bytes += Number(size);
    }
    if (rows.length === 0) break;
  }
  if (count > 0) yield count;
}

/** Bytes of a value as text: exact for text and bytea, whose lengths are known without reading them; for others a good guess. */
function textSize({ name, type }: MovedColumn): string {
  const column = quote(name);
  if (type === 'text') return `coalesce(octet_length(${column}), 0)::bigint`;
  if (type === 'bytea') return `2 * coalesce(octet_length(${column}), 0)::bigint`;
  return `4 * coalesce(pg_column_size(${column}), 0)::bigint`;
}

/** Text arrays, one a column, become rows: however many rows a page has, it is one statement and few parameters. */
function insertStatement({ name, columns }: MovedTable): string {
  const names = columns.map((column) => quote(column.name)).join(', ');
  const casts = columns.map((column) => `${quote(column.name)}::${column.type}`).join(', ');
  const arrays = columns.map(() => '?::text[]').join(', ');
  return `insert into ${quote(name)} (${names}) overriding system value
    select ${casts} from unnest(${arrays}) as page(${names})`;
}

export interface TableSum {
  rows: number;
  /** Depends on every value of every row and on nothing else, the rows' order least of all. */
  checksum: string;
}

/** md5 of each row's text, halves added up as numbers: unlike xor, a sum notices a row that is there twice. */
export async function sumTable(trx: Knex.Transaction, { name, columns }: MovedTable): Promise<TableSum> {
  const texts = columns.map((column) => `${quote(column.name)}::text`).join(', ');
  const { rows } = await trx.raw(
    `select count(*)::int as rows, md5(concat_ws(' ', count(*), sum(${half('left')}), sum(${half('right')}))) as checksum
       from (select md5(row(${texts})::text) as hash from ${quote(name)}) as hashed`,
  );
  return rows[0];
}

function half(side: 'left' | 'right'): string {
  return `('x' || ${side}(hash, 16))::bit(64)::bigint::numeric`;
}
