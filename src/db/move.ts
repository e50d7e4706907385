import type { Knex } from 'knex';
import { endAllLeases } from './lost.ts';
import { migrationSource } from './migrations.ts';
import { copyRows, speakCanonicalText, sumTable, type TableSum } from './move-rows.ts';
import {
  copySequences,
  findForeignRows,
  listMovedTables,
  type MovedTable,
  quote,
  writtenAnew,
} from './move-tables.ts';

export interface MovedSum {
  table: string;
  source: TableSum;
  target: TableSum;
  same: boolean;
}

/** Told while it goes on. */
export interface MoveProgress {
  /** So many rows are there to be copied. */
  begin(rows: number): void;
  copied(table: string, rows: number): void;
  comparing(table: string): void;
}

/** Why a move can't be: a sentence for the operator. Nothing was changed. */
export class MoveRefused extends Error {}

/**
 * Copies every row of ours from one migrated database into another of the same schema version that has none, and compares
 * both. The source is read in one snapshot and not written to; the target takes all or nothing: when a sum differs, nothing
 * stays. Unfinished work arrives free to be claimed, as after a restart. Memory: two pages of some megabytes, and one row.
 * Throws MoveRefused when the versions differ or the target has rows.
 */
export async function moveRows(source: Knex, target: Knex, progress: MoveProgress): Promise<MovedSum[]> {
  await refuseOtherVersion(source);
  const tables = await listMovedTables(source, target);
  const sums = await source.transaction(
    (from) => target.transaction((to) => moveAll(from, to, tables, progress)).catch(differences),
    { isolationLevel: 'repeatable read', readOnly: true },
  );
  // The planner would take full tables for empty ones; the embedded Postgres has no autovacuum at all.
  if (sums.every(({ same }) => same))
    for (const { name } of tables) await target.raw(`vacuum analyze ${quote(name)}`);
  return sums;
}

async function moveAll(
  from: Knex.Transaction,
  to: Knex.Transaction,
  tables: MovedTable[],
  progress: MoveProgress,
): Promise<MovedSum[]> {
  const names = tables.map(({ name }) => quote(name)).join(', ');
  // A service started on the target meanwhile waits here, and writes after the commit.
  await to.raw(`lock table ${names} in access exclusive mode`);
  await refuseRows(to, tables);
  await to.raw(`truncate ${names}, ${writtenAnew}`);
  await speakCanonicalText(from);
  await speakCanonicalText(to);
  let total = 0;
  for (const { name } of tables)
    total += (await from.raw(`select count(*)::int as rows from ${quote(name)}`)).rows[0].rows;
  progress.begin(total);
  for (const table of tables) await copyRows(from, to, table, (count) => progress.copied(table.name, count));
  await copySequences(from, to, tables);
  const sums: MovedSum[] = [];
  for (const table of tables) {
    progress.comparing(table.name);
    const [source, target] = [await sumTable(from, table), await sumTable(to, table)];
    const same = source.rows === target.rows && source.checksum === target.checksum;
    sums.push({ table: table.name, source, target, same });
  }
  if (sums.some(({ same }) => !same)) throw new Differs(sums);
  await endAllLeases(to);
  return sums;
}

/** Undoes the target's transaction and brings the sums out of it. */
class Differs extends Error {
  readonly sums: MovedSum[];
  constructor(sums: MovedSum[]) {
    super('The copy differs from its source.');
    this.sums = sums;
  }
}

function differences(error: unknown): MovedSum[] {
  if (error instanceof Differs) return error.sums;
  throw error;
}

async function refuseOtherVersion(source: Knex): Promise<void> {
  const needed = (await migrationSource.getMigrations([])).map((file) =>
    migrationSource.getMigrationName(file),
  );
  const { rows } = await source.raw(`select to_regclass('public.knex_migrations') is not null as migrated`);
  if (!rows[0].migrated)
    throw new MoveRefused('The source has no tables of DT-RAG: is it the right database?');
  const applied: string[] = await source('knex_migrations').orderBy('id').pluck('name');
  const missing = needed.filter((name) => !applied.includes(name));
  if (missing.length > 0)
    throw new MoveRefused(
      `The source is behind (${missing.join(', ')}): start the service on it, or migrate it.`,
    );
  const unknown = applied.filter((name) => !needed.includes(name));
  if (unknown.length > 0)
    throw new MoveRefused(
      `The source is ahead (${unknown.join(', ')}): move it with the version that runs on it.`,
    );
}

async function refuseRows(target: Knex.Transaction, tables: MovedTable[]): Promise<void> {
  const found = await findForeignRows(target, tables);
  if (found.length === 0) return;
  const list = found.map(({ name, rows }) => `${name} ${rows}`).join(', ');
  throw new MoveRefused(`The target is not empty (rows: ${list}): take a new database or directory.`);
}
