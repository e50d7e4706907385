import type { Knex } from 'knex';
import { ConfigError } from './config.ts';
import { describeServer, pendingMigrations } from './db/server.ts';
import type { Log } from './log.ts';

/** Oldest versions this is tested with. */
const leastPostgres = 14;
const leastPgvector = '0.8.0';

/** Above this, timestamps in logs and resources mislead. Leases and deadlines go by the database's clock alone. */
const mostSkewSeconds = 5;

/** Looks at the database before anything uses it. Throws ConfigError with what is wrong and what to do about it. */
export async function checkDatabase(db: Knex, log: Log): Promise<void> {
  const server = await describeServer(db);
  const problems: string[] = [];
  if (server.major < leastPostgres)
    problems.push(`DATABASE_URL is PostgreSQL ${server.version}: ${leastPostgres} or newer is needed.`);
  if (server.pgvectorAvailable === null)
    problems.push(
      'DATABASE_URL has no pgvector: install the extension on the server (package postgresql-17-pgvector, image pgvector/pgvector).',
    );
  else if (compare(server.pgvectorAvailable, leastPgvector) < 0)
    problems.push(
      `DATABASE_URL has pgvector ${server.pgvectorAvailable}: ${leastPgvector} or newer is needed.`,
    );
  if (problems.length === 0) {
    const pending = await pendingMigrations(db);
    if (pending.length > 0)
      problems.push(`The database schema is behind (${pending.join(', ')}): run npm run migrate.`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  if (Math.abs(server.skewSeconds) > mostSkewSeconds)
    log.warn({ seconds: server.skewSeconds }, "this machine's clock differs from the database's");
}

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
