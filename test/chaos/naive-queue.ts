import { createPostgresBackend, Queue, type QueueOptions, runMigrations, Worker } from 'bullmq';
import pg from 'pg';

/** Where the naive one keeps jobs: Redis when there is one, else Postgres. Plain BullMQ with its defaults. */
export interface NaiveStore {
  queue: Queue;
  pool: pg.Pool;
  work(handler: (id: number) => Promise<void>): Worker;
}

const name = 'naive';

export function openNaiveStore(databaseUrl: string, redisUrl: string | undefined): NaiveStore {
  const pool = new pg.Pool({ connectionString: databaseUrl, options: '-c search_path=public,bullmq' });
  pool.on('error', () => undefined);
  const connection = (redisUrl ? { url: redisUrl } : pool) as NonNullable<QueueOptions['connection']>;
  const backend = redisUrl ? [] : [createPostgresBackend as never];
  const queue = new Queue(name, { connection }, ...backend);
  queue.on('error', () => undefined);
  return {
    queue,
    pool,
    work: (handler) =>
      new Worker(name, async (job) => handler(job.data.id), { connection, concurrency: 4 }, ...backend),
  };
}

/** Its tables and BullMQ's: before the store is opened. */
export async function createNaiveTables(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(`create table naive_work (id integer primary key);
                        create table naive_effects (work_id integer not null)`);
    await runMigrations(client as unknown as Parameters<typeof runMigrations>[0]);
  } finally {
    await client.end();
  }
}
