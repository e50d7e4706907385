import type { Knex } from 'knex';
import { readConfig } from './src/config.ts';
import { migrationSource } from './src/db/migrations.ts';
import { searchPath } from './src/db/search-path.ts';

/** For the knex CLI on real Postgres; `npm run migrate` serves every tier. */
const config: Knex.Config = {
  client: 'pg',
  connection: {
    connectionString: readConfig().DATABASE_URL as string,
    options: `-c search_path=${searchPath.replaceAll(' ', '')}`,
  },
  migrations: { migrationSource },
};

export default config;
