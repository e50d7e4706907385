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

/** A migrated database with nothing in it: on the server of DATABASE_URL, or embedded in a new folder; `close` removes it. */
export async function openSearchDatabase(): Promise<{ db: Knex; close(): Promise<void> }> {
  return process.env.DATABASE_URL ? onServer(process.env.DATABASE_URL) : embedded();
}

async function onServer(serverUrl: string) {
  const url = new URL(serverUrl);
  if (!local.has(url.hostname))
    throw new Error('DATABASE_URL must be on this machine: the bench fills it with millions of rows.');
  const name = `dt_rag_bench_${process.pid}`;
  const server = await openDatabase(readConfig(process.env, 'worker'), crash);
  await server.db.raw(`drop database if exists ${name}`);
  await server.db.raw(`create database ${name}`);
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
      await server.db.raw(`drop database ${name} with (force)`);
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
