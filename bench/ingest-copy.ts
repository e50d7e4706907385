import { pipeline } from 'node:stream/promises';
import type { Knex } from 'knex';
import type { Client } from 'pg';
import { from, to } from 'pg-copy-streams';

/** The tables that hold a row for what is in a document, in the order in which they are filled. */
const documentTables = ['chunks', 'chunk_vectors', 'postings'] as const;

/** All that ingestion fills: the counts that search reads first are rows as well. */
export const filledTables = [...documentTables, 'posting_counts'] as const;

export interface Rate {
  rows: number;
  seconds: number;
}

/** Makes empty tables like those that ingestion fills: columns, indexes, checks; no foreign keys and no triggers. */
export async function createTwins(db: Knex, suffix: string): Promise<void> {
  for (const table of filledTables)
    await db.raw(`create table ${table}_${suffix} (like ${table} including all)`);
}

/**
 * One binary COPY a table, of exactly the rows that are in ours, into its twin. The bytes are in memory before the clock starts,
 * so only the server's own work and their way there count.
 */
export async function measureCopy(db: Knex, suffix: string): Promise<Rate> {
  const client: Client = await db.client.acquireConnection();
  try {
    let rows = 0;
    let seconds = 0;
    for (const table of filledTables) {
      const columns = await storedColumns(db, table);
      const pieces: Buffer[] = [];
      const output = client.query(to(`copy ${table} (${columns}) to stdout (format binary)`));
      for await (const piece of output) pieces.push(piece as Buffer);
      const started = performance.now();
      const input = client.query(from(`copy ${table}_${suffix} (${columns}) from stdin (format binary)`));
      await pipeline(pieces, input);
      seconds += (performance.now() - started) / 1000;
      rows += input.rowCount;
    }
    return { rows, seconds };
  } finally {
    await db.client.releaseConnection(client);
  }
}

/**
 * One insert a row, prepared once, of the first `chunks` chunks with their vectors and postings; all in one transaction, or each
 * row in its own.
 */
export async function measureRowByRow(
  db: Knex,
  suffix: string,
  chunks: number,
  { commitEach }: { commitEach: boolean },
): Promise<Rate> {
  const client: Client = await db.client.acquireConnection();
  try {
    let count = 0;
    let seconds = 0;
    const first = `(select seq from chunks order by seq limit ${chunks})`;
    for (const table of documentTables) {
      const columns = (await storedColumns(db, table)).split(', ');
      const key = table === 'chunks' ? 'seq' : 'chunk_seq';
      const texts = columns.map((column) => `${column}::text`).join(', ');
      const { rows } = await client.query({
        text: `select ${texts} from ${table} where ${key} in ${first}`,
        rowMode: 'array',
      });
      const values = columns.map((_, i) => `$${i + 1}`).join(', ');
      const text = `insert into ${table}_${suffix} (${columns.join(', ')}) overriding system value values (${values})`;
      const started = performance.now();
      if (!commitEach) await client.query('begin');
      for (const row of rows) await client.query({ name: `row_${table}_${suffix}`, text, values: row });
      if (!commitEach) await client.query('commit');
      seconds += (performance.now() - started) / 1000;
      count += rows.length;
    }
    return { rows: count, seconds };
  } finally {
    await db.client.releaseConnection(client);
  }
}

async function storedColumns(db: Knex, table: string): Promise<string> {
  const { rows } = await db.raw(
    `select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
      where attrelid = ?::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table],
  );
  return rows[0].columns;
}
