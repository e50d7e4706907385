import { parseArgs } from 'node:util';
import { ConfigError, loadEnvFile, readConfig } from './config.ts';
import { type Database, openDatabase } from './db/connect.ts';
import { migrate, migrationSource } from './db/migrations.ts';
import { migratePostgresStore } from './jobs/store-postgres.ts';

/** `npm run migrate`, `migrate:rollback` (the last step; --all: everything) and `migrate:status`, on whichever tier is configured. */
async function run(
  command: string,
  all: boolean,
  { db, openQueuePool }: Database,
  alone: boolean,
): Promise<string> {
  const list = (names: string[], none: string) =>
    names.length === 0 ? none : names.map((name) => `  ${name}`).join('\n');
  const latest = async () => {
    const applied = await migrate(db, { alone });
    // Also where Redis carries the queues: without REDIS_URL the same database finishes what was accepted.
    await migratePostgresStore(openQueuePool());
    return applied;
  };
  if (command === 'latest') return `Applied:\n${list(await latest(), '  nothing: the schema is up to date')}`;
  if (command === 'rollback') {
    const undone = all
      ? ((await db.migrate.rollback({ migrationSource }, true)) as [number, string[]])[1]
      : ((await db.migrate.down({ migrationSource })) as [number, string[]])[1];
    return `Rolled back:\n${list(undone, '  nothing')}`;
  }
  if (command === 'status') {
    const [done, pending] = (await db.migrate.list({ migrationSource })) as [{ name: string }[], string[]];
    const names = pending.map((name) => name.replace(/\.(ts|js)$/, ''));
    return `Applied:\n${list(
      done.map(({ name }) => name),
      '  none',
    )}\nPending:\n${list(names, '  none')}`;
  }
  throw new ConfigError([`migrate takes latest, rollback or status, not ${JSON.stringify(command)}.`]);
}

try {
  loadEnvFile();
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { all: { type: 'boolean', default: false } },
  });
  const config = readConfig(undefined, 'migration');
  const database = await openDatabase(config, (error) => {
    throw error;
  });
  try {
    process.stdout.write(
      `${await run(positionals[0] ?? 'latest', values.all, database, config.tier === 'embedded')}\n`,
    );
  } finally {
    await database.close();
  }
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
