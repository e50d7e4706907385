import type { Knex } from 'knex';
import { readConfig } from './src/config.ts';
import { migrationSource } from './src/db/migrations.ts';
import { sessionOptions } from './src/db/session.ts';

/** For the knex CLI on real Postgres; `npm run migrate` serves every tier. */
const config: Knex.Config = {
  client: 'pg',
  connection: {
    connectionString: readConfig().DATABASE_URL as string,
    options: sessionOptions(),
  },
  migrations: { migrationSource },
};

export default config;
