import type { Db } from './connect.ts';

export const heartbeatMs = 5000;

/**
 * @param models language model → whether its calls pass in this process
 * @param rssBytes resident memory of the process
 */
export async function beat(
  db: Db,
  id: string,
  process: string,
  queues: readonly string[],
  concurrency: number,
  models: Record<string, string> = {},
  rssBytes: number | null = null,
): Promise<void> {
  await db('worker_heartbeats')
    .insert({
      id,
      process,
      queues,
      concurrency,
      models: JSON.stringify(models),
      rss_bytes: rssBytes,
      beat_at: db.fn.now(),
    })
    .onConflict('id')
    .merge(['beat_at', 'models', 'rss_bytes']);
}

export async function stopBeating(db: Db, id: string): Promise<void> {
  await db('worker_heartbeats').where({ id }).delete();
}

export interface LiveWorker {
  id: string;
  process: string;
  queues: string[];
  /** Jobs of a queue that it runs at a time. */
  concurrency: number;
  /** Language model → `closed` where its calls pass, else why they do not. */
  models: Record<string, string>;
  /** Seconds since it started. */
  age: number;
}

/** Worker processes heard of lately: the same on every tier, whichever store carries the queues. */
export async function liveWorkers(db: Db): Promise<LiveWorker[]> {
  const { rows } = await db.raw(
    `select id, process, queues, concurrency, models, extract(epoch from now() - started_at)::int as age from worker_heartbeats
      where beat_at > now() - interval '${(heartbeatMs * 3) / 1000} seconds' order by started_at`,
  );
  return rows;
}

/** A process that answers requests is alive and takes so much memory. */
export async function beatOfApi(db: Db, id: string, process: string, rssBytes: number): Promise<void> {
  await db('api_heartbeats')
    .insert({ id, process, rss_bytes: rssBytes, beat_at: db.fn.now() })
    .onConflict('id')
    .merge(['beat_at', 'rss_bytes']);
}

export async function stopBeatOfApi(db: Db, id: string): Promise<void> {
  await db('api_heartbeats').where({ id }).delete();
}

export async function forgetDeadProcesses(db: Db): Promise<void> {
  for (const table of ['worker_heartbeats', 'api_heartbeats'])
    await db(table).where('beat_at', '<', db.raw(`now() - interval '1 hour'`)).delete();
}
