import type { Db } from './connect.ts';

export const heartbeatMs = 5000;

export async function beat(db: Db, id: string, queues: readonly string[]): Promise<void> {
  await db('worker_heartbeats').insert({ id, queues, beat_at: db.fn.now() }).onConflict('id').merge();
}

export async function stopBeating(db: Db, id: string): Promise<void> {
  await db('worker_heartbeats').where({ id }).delete();
}

/** Worker processes heard of lately, a queue. */
export async function countWorkers(db: Db): Promise<Map<string, number>> {
  const { rows } = await db.raw(
    `select q as queue, count(*)::int as workers from worker_heartbeats, unnest(queues) q
      where beat_at > now() - interval '${(heartbeatMs * 3) / 1000} seconds' group by q`,
  );
  return new Map(rows.map((row: { queue: string; workers: number }) => [row.queue, row.workers]));
}

export async function forgetDeadWorkers(db: Db): Promise<void> {
  await db('worker_heartbeats').where('beat_at', '<', db.raw(`now() - interval '1 hour'`)).delete();
}
