import { AppError } from '../errors.ts';
import type { Db } from './connect.ts';

/**
 * Work is leased, not owned: whoever claims a row gets a token and this many seconds, extends them while it works, and
 * writes only while the token still stands. Times are the database's, so a worker's wrong clock changes nothing. Shorter than
 * the lock that BullMQ holds on the job: when it gives a dead worker's job to the next one, the row is free to be claimed.
 */
export const leaseSeconds = 20;
export const leaseUntil = `now() + interval '${leaseSeconds} seconds'`;

/**
 * One row for a statement to read: its transaction commits without waiting for the disk. A crash of the database may then take
 * back the last moments, which leaves rows as they were before, as a worker's death would: for work that is claimed and done
 * again, not for what a caller has been told. What is committed in the usual way later brings all of it to the disk. The embedded
 * database says otherwise (`session.ts`).
 */
export const unhurried = `(select set_config('synchronous_commit',
  coalesce(nullif(current_setting('dt_rag.unhurried_commit', true), ''), 'off'), true)) as unhurried`;

type LeasedTable =
  | 'document_versions'
  | 'answers'
  | 'operations'
  | 'embedding_generations'
  | 'evaluations'
  | 'webhook_deliveries';

/** Extends the lease. Throws `lease_lost` when another worker has taken the row over or it was cancelled. */
export async function extendLease(db: Db, table: LeasedTable, token: string): Promise<void> {
  const extended = await db(table)
    .where('lease_token', token)
    .update({ lease_until: db.raw(leaseUntil) });
  if (extended === 0) throw leaseLost();
}

export function leaseLost(): AppError {
  return new AppError('lease_lost', 'Another worker has taken this work over, or it was cancelled.');
}
