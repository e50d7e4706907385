import type { ErrorSummary } from '../errors.ts';
import type { Db } from './connect.ts';

/** Versions that wait to be read, counted up to `limit`. */
export async function countQueued(db: Db, limit: number): Promise<number> {
  const { rows } = await db.raw(
    `select count(*)::int as n from (select from document_versions where status = 'queued' limit ?) as waiting`,
    [limit],
  );
  return rows[0].n;
}

export interface BatchHoldup {
  /** Something is being worked on, or ended a moment ago. */
  moving: boolean;
  /** Items that wait to be read, and that wait for vectors. */
  queued: number;
  embedding: number;
  /** Documents of any batch whose turn in that queue comes before the first of these. */
  before: number;
  priority: number | null;
  /** What went wrong last with one that is tried again. */
  error: ErrorSummary | null;
}

/** What an unfinished batch waits for, as far as rows say. */
export async function findHoldup(db: Db, batchId: string): Promise<BatchHoldup> {
  const { rows } = await db.raw(
    `with mine as materialized (
       select v.document_id, v.version, v.status, v.turn, v.priority, v.lease_until, v.error, v.updated_at
         from ingestion_items i join document_versions v on v.document_id = i.document_id and v.version = i.version
        where i.batch_id = ? and i.outcome = 'accepted'
          and (v.status in ('queued', 'parsing', 'embedding') or v.updated_at > now() - interval '5 seconds')),
     next as (select status, turn, priority from mine where status in ('queued', 'embedding') order by status = 'queued' desc, turn limit 1)
     select exists (select from mine where status in ('ready', 'failed') or (status = 'parsing' and lease_until > now()))
            or exists (select from mine m join chunks c on c.document_id = m.document_id and c.version = m.version
                        where m.status = 'embedding' and c.embed_until > now()) as moving,
            (select count(*)::int from mine where status = 'queued') as queued,
            (select count(*)::int from mine where status = 'embedding') as embedding,
            (select count(*)::int from document_versions w join next on w.status = next.status and w.turn < next.turn) as before,
            (select priority from next) as priority,
            (select error from mine where error is not null and status in ('queued', 'embedding') order by updated_at desc limit 1) as error`,
    [batchId],
  );
  return rows[0];
}
