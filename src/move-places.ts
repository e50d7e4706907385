import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, ConfigError, readConfig } from './config.ts';
import { type Database, openDatabase } from './db/connect.ts';
import { migrate } from './db/migrations.ts';
import { MoveRefused } from './db/move.ts';
import { describeServer } from './db/server.ts';
import { migratePostgresStore } from './jobs/store-postgres.ts';

/** One end of a move: the directory of an embedded database, or a server. */
export interface Place {
  /** For people: without the password. */
  name: string;
  /** DATA_DIR; undefined for a server. */
  directory: string | undefined;
  config: Config;
}

/** `embedded:DIR` or `postgresql://…`. Throws MoveRefused, which names the option. */
export function parsePlace(option: string, text: string | undefined): Place {
  const usage = `--${option} takes embedded:DIR or postgresql://user:password@host:5432/database.`;
  const directory = /^embedded:(.+)$/s.exec(text ?? '')?.[1];
  if (directory !== undefined)
    return { name: `embedded:${directory}`, directory, config: readConfig({ DATA_DIR: directory }) };
  try {
    const config = readConfig({ DATABASE_URL: text });
    if (!config.DATABASE_URL) throw new MoveRefused(usage);
    const { protocol, host, pathname } = new URL(config.DATABASE_URL);
    return { name: `${protocol}//${host}${pathname}`, directory: undefined, config };
  } catch (error) {
    throw error instanceof ConfigError ? new MoveRefused(usage) : error;
  }
}

/** Opens the source, which must be there already: opening an empty directory would make a database in it. */
export async function openSource(place: Place): Promise<Database> {
  if (place.directory !== undefined && !(await exists(join(place.directory, 'pg', 'PG_VERSION'))))
    throw new MoveRefused(`${place.name} holds no database: the DATA_DIR of the service is meant.`);
  return openPlace(place);
}

/** Opens the target and brings its schema up to date; an embedded one is made where there is none. */
export async function openTarget(place: Place): Promise<Database> {
  const database = await openPlace(place);
  try {
    const { pgvectorAvailable } = await describeServer(database.db);
    if (pgvectorAvailable === null)
      throw new MoveRefused(`${place.name} has no pgvector: install the extension on the server.`);
    await migrate(database.db, { alone: place.directory !== undefined });
    await migratePostgresStore(database.openQueuePool());
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openPlace({ config, name }: Place): Promise<Database> {
  const database = await openDatabase(config, (error) => {
    throw error;
  });
  try {
    await database.db.raw('select 1');
    return database;
  } catch (error) {
    await database.close();
    const { message, code } = error as NodeJS.ErrnoException;
    throw new MoveRefused(`${name} can't be reached: ${message || code}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
