import { readConfig } from '../../src/config.ts';
import { openDatabase } from '../../src/db/connect.ts';
import { migrate } from '../../src/db/migrations.ts';

// A migrated database in the directory named first, as the embedded tier makes it at its first start; nothing else ran on it.
const [, , directory = ''] = process.argv;
const config = readConfig({ ENVIRONMENT: 'testing', DATA_DIR: directory });
const { db, close } = await openDatabase(config, (error) => {
  throw error;
});
await migrate(db, { alone: true });
await close();
