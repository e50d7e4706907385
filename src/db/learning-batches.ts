import type { Db } from './connect.ts';

/** Removes notes of batches that were planned so many days ago. Returns the count. */
export async function sweepBatches(db: Db, days: number): Promise<number> {
  return db('learning_batches')
    .where('planned_at', '<', db.raw(`now() - ? * interval '1 day'`, [days]))
    .delete();
}
