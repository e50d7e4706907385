import knex, { type Knex } from 'knex';
import pg from 'pg';
import type { Config } from '../config.ts';
import { startEmbeddedPostgres } from './embedded.ts';
import { createEmbeddedListen, type Listen, listenOn } from './listener.ts';
import { sessionOptions } from './session.ts';

/** The database or a transaction: functions in src/db take either. */
export type Db = Knex | Knex.Transaction;

export interface Database {
  db: Knex;
  /** For BullMQ's PostgreSQL backend, which wants a pool of its own. */
  openQueuePool(): pg.Pool;
  /** Hears what transactions tell with NOTIFY. */
  listen: Listen;
  close(): Promise<void>;
}

// bigint columns (sequence numbers, counts, bytes) stay far below 2^53 here.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** Opens the database of the tier that the configuration chooses; on the embedded tier this starts it. */
export async function openDatabase(config: Config, onCrash: (error: Error) => void): Promise<Database> {
  const embedded = config.DATABASE_URL ? null : await startEmbeddedPostgres(config.DATA_DIR, onCrash);
  const connection: pg.ClientConfig = embedded
    ? { host: embedded.host, port: 5432, user: 'postgres', database: 'postgres' }
    : {
        connectionString: config.DATABASE_URL as string,
        options: sessionOptions(),
        keepAlive: true,
      };
  const session = createEmbeddedListen((statement) => db.raw(statement));
  const db: Knex = knex({
    client: 'pg',
    // Else the message of every failed statement has its values in it: texts of documents and questions, in the log.
    compileSqlOnError: false,
    prepares: embedded === null,
    connection: connection as Knex.PgConnectionConfig,
    pool: {
      min: 0,
      max: config.DB_POOL_SIZE + config.DB_MAX_OVERFLOW,
      acquireTimeoutMillis: 10_000,
      ...(embedded ? { afterCreate: session.watch } : {}),
    },
  });
  const pools: pg.Pool[] = [];
  return {
    db,
    listen: embedded ? session.listen : listenOn(connection),
    openQueuePool: () => {
      const pool = new pg.Pool({ ...connection, max: 30, keepAlive: true });
      // Every queue and worker listens for the pool's errors.
      pool.setMaxListeners(100);
      // A dropped idle client is replaced by the pool; without a listener the event would end the process.
      pool.on('error', () => undefined);
      // The same for one that is lent out and has no query under way: whoever has it learns by the next one.
      pool.on('connect', (client) => void client.on('error', () => undefined));
      if (embedded) bridgeNotifications(pool);
      pools.push(pool);
      return pool;
    },
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await db.destroy();
      await embedded?.close();
    },
  };
}

/**
 * PGlite is one session, so a NOTIFY reaches only the connection that caused it. Passing it on to the pool's other
 * clients makes waiting workers wake at once instead of at their next poll (5 s).
 */
function bridgeNotifications(pool: pg.Pool): void {
  const clients = new Set<pg.PoolClient>();
  const passedOn = new WeakSet<object>();
  pool.on('connect', (client) => {
    clients.add(client);
    client.on('end', () => clients.delete(client));
    client.on('notification', (message) => {
      if (passedOn.has(message)) return;
      const copy = { ...message };
      passedOn.add(copy);
      for (const other of clients) if (other !== client) other.emit('notification', copy);
    });
  });
}
