import type { Knex } from 'knex';
import { migrationSource } from './migrations.ts';

export interface ServerDescription {
  version: string;
  major: number;
  /** Version of pgvector that is installed or could be; null when the server does not have it. */
  pgvectorAvailable: string | null;
  /** This machine's clock minus the database's. */
  skewSeconds: number;
}

export async function describeServer(db: Knex): Promise<ServerDescription> {
  const before = Date.now();
  const { rows } = await db.raw(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
            (select coalesce(installed_version, default_version) from pg_available_extensions where name = 'vector') as pgvector,
            extract(epoch from clock_timestamp()) * 1000 as now`,
  );
  const { version, major, pgvector, now } = rows[0];
  const middle = (before + Date.now()) / 2;
  return { version, major, pgvectorAvailable: pgvector, skewSeconds: (middle - Number(now)) / 1000 };
}

export async function pendingMigrations(db: Knex): Promise<string[]> {
  const [, pending] = (await db.migrate.list({ migrationSource })) as [unknown, string[]];
  return pending.map((name) => name.replace(/\.(ts|js)$/, ''));
}
