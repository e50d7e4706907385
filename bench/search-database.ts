import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/db/connect.ts';
import { migrate } from '../src/db/migrations.ts';

const local = new Set(['127.0.0.1', 'localhost', '[::1]']);

function crash(error: Error): void {
  throw error;
}

/**
 * A migrated database with nothing in it: on the server of DATABASE_URL, or embedded in a new folder; `close` removes it. On
 * a server, one that is `kept` under a name is made where it is missing, found as it was left, and stays.
 */
export async function openSearchDatabase(kept?: string): Promise<{ db: Knex; close(): Promise<void> }> {
  return process.env.DATABASE_URL ? onServer(process.env.DATABASE_URL, kept) : embedded();
}

async function onServer(serverUrl: string, kept: string | undefined) {
  const url = new URL(serverUrl);
  if (!local.has(url.hostname))
    throw new Error('DATABASE_URL must be on this machine: the bench fills it with millions of rows.');
  const name = kept === undefined ? `dt_rag_bench_${process.pid}` : `dt_rag_bench_${kept}`;
  const server = await openDatabase(readConfig(process.env, 'worker'), crash);
  if (kept === undefined) await server.db.raw('drop database if exists ??', [name]);
  const { rows } = await server.db.raw('select from pg_database where datname = ?', [name]);
  if (rows.length === 0) await server.db.raw('create database ??', [name]);
  url.pathname = `/${name}`;
  const database = await openDatabase(
    readConfig({ ...process.env, DATABASE_URL: url.href }, 'worker'),
    crash,
  );
  await migrate(database.db, { alone: false });
  return {
    db: database.db,
    close: async () => {
      await database.close();
      if (kept === undefined) await server.db.raw('drop database ?? with (force)', [name]);
      await server.close();
    },
  };
}

async function embedded() {
  const folder = await mkdtemp(join(tmpdir(), 'dt-rag-bench-'));
  const database = await openDatabase(readConfig({ DATA_DIR: folder }, 'worker'), crash);
  await migrate(database.db, { alone: true });
  return {
    db: database.db,
    close: async () => {
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
