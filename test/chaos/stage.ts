import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { type Environment, readConfig, type Tier } from '../../src/config.ts';
import { findServices, type Services } from './services.ts';

/** A database, and a Redis database, that belong to one run alone. */
export interface Stage {
  tier: Tier;
  /** DATABASE_URL, REDIS_URL and DATA_DIR for the product. */
  environment: Record<string, string>;
  folder: string;
  /** Rows of the run's database. Throws while the server is away. */
  query<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  /** A connection of one's own, for what must stay open. The embedded tier has only one session: none there. */
  connect(): Promise<pg.Client>;
  /** Scale-out tier only. */
  redis: Redis | undefined;
  /** Set when this run may stop the servers themselves. */
  services: Services | undefined;
  /** Removes all of it; `keepLogs` leaves what the processes said in the folder. */
  close(options?: { keepLogs: boolean }): Promise<void>;
}

/** Creates the run's own database on the tier that DATABASE_URL and REDIS_URL choose. */
export async function openStage(environment: Environment): Promise<Stage> {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = environment;
  const { tier } = readConfig({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
  const folder = await mkdtemp(join(tmpdir(), 'dt-rag-chaos-'));
  const database = databaseUrl ? await createDatabase(databaseUrl) : embedded(folder);
  const redis = redisUrl ? await takeRedis(redisUrl) : undefined;
  // max 1: the embedded tier has one session, and a connection kept open still works when the server has none to give.
  const pool = new pg.Pool({ ...database.connection, max: 1, idleTimeoutMillis: 0 });
  pool.on('error', () => undefined);
  return {
    tier,
    folder,
    environment: { DATA_DIR: folder, ...database.environment, ...redis?.environment },
    query: async (text, values) => (await pool.query(text, values)).rows,
    connect: async () => {
      const client = new pg.Client(database.connection);
      client.on('error', () => undefined);
      await client.connect();
      return client;
    },
    redis: redis?.client,
    services: findServices(environment),
    close: async ({ keepLogs } = { keepLogs: false }) => {
      await pool.end();
      await database.remove();
      await redis?.remove();
      if (!keepLogs) await rm(folder, { recursive: true, force: true });
    },
  };
}

interface OwnDatabase {
  connection: pg.ClientConfig;
  environment: Record<string, string>;
  remove(): Promise<void>;
}

/** The product listens on a socket in its folder. */
function embedded(folder: string): OwnDatabase {
  const connection = { host: folder, port: 5432, user: 'postgres', database: 'postgres' };
  return { connection, environment: {}, remove: async () => undefined };
}

async function createDatabase(databaseUrl: string): Promise<OwnDatabase> {
  const name = `chaos_${randomBytes(4).toString('hex')}`;
  const asAdmin = async (statement: string) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await asAdmin(`create database ${name}`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return {
    connection: { connectionString: url.href, options: '-c search_path=public,bullmq' },
    environment: { DATABASE_URL: url.href },
    remove: () => asAdmin(`drop database ${name} with (force)`),
  };
}

/** The first of Redis' numbered databases that holds nothing. */
async function takeRedis(redisUrl: string) {
  const url = new URL(redisUrl);
  for (let number = 1; number < 16; number++) {
    url.pathname = `/${number}`;
    const client = new Redis(url.href, { maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    if ((await client.dbsize()) === 0) {
      // Taken: another run that looks for an empty one passes by.
      await client.set('chaos', 'taken');
      return {
        client,
        environment: { REDIS_URL: url.href },
        remove: async () => {
          await client.flushdb();
          client.disconnect();
        },
      };
    }
    client.disconnect();
  }
  throw new Error('All numbered databases of this Redis are in use: FLUSHALL it, or give another one.');
}
