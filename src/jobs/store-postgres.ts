import { createPostgresBackend, Queue, type QueueOptions, runMigrations, Worker } from 'bullmq';
import type pg from 'pg';
import type { Store } from './store.ts';

/** Creates or updates BullMQ's own schema; safe from many processes at once. */
export async function migratePostgresStore(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await runMigrations(client);
  } finally {
    client.release();
  }
}

/** The queues in Postgres, through a pool that its owner closes. */
export function openPostgresStore(pool: pg.Pool): Store {
  const connection = pool as unknown as NonNullable<QueueOptions['connection']>;
  return {
    // The store is the database that has just taken the row: it is worth waiting for.
    patienceMs: 10_000,
    ready: () => true,
    onReady: () => undefined,
    open: (name) => new Queue(name, { connection }, createPostgresBackend as never) as Queue,
    openWorker: (name, processor, options) =>
      new Worker(name, processor, { ...options, connection }, createPostgresBackend as never) as Worker,
    close: async () => undefined,
  };
}
