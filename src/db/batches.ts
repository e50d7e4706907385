import type { Knex } from 'knex';
import type { ErrorSummary } from '../errors.ts';
import type { Accepted } from './accept-documents.ts';
import type { Db } from './connect.ts';
import { stageColumn } from './documents.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export interface BatchCounts {
  total: number;
  queued: number;
  in_progress: number;
  completed: number;
  unchanged: number;
  failed: number;
  cancelled: number;
}

export interface BatchRow {
  id: string;
  created_at: Date;
  cancelled_at: Date | null;
  counts: BatchCounts;
  /** Items that ended within the last minute. */
  recent: number;
  /** When the last item ended; null while one is unfinished. */
  completed_at: Date | null;
}

export async function insertBatch(
  trx: Knex.Transaction,
  id: string,
  apiKeyId: string | null,
  externalIds: readonly (string | null)[],
  accepted: readonly Accepted[],
): Promise<void> {
  await trx('ingestion_batches').insert({ id, api_key_id: apiKeyId, total: accepted.length });
  const rows = accepted.map((item, n) => ({
    batch_id: id,
    n,
    external_id: externalIds[n] ?? null,
    document_id: item.documentId,
    version: item.version,
    outcome: item.outcome,
  }));
  for (let i = 0; i < rows.length; i += 200) await trx('ingestion_items').insert(rows.slice(i, i + 200));
}

/** Whether a try of the same request has created it already. */
export async function batchExists(trx: Knex.Transaction, id: string): Promise<boolean> {
  return (await trx('ingestion_batches').where({ id }).first('id')) !== undefined;
}

/** Where an item stands is read from its version: there is no counter that could drift. A deleted document counts as cancelled. */
const itemStatus = `
  case when i.outcome <> 'accepted' then i.outcome
       when v.status is null then 'cancelled'
       when v.status in ('parsing', 'embedding') then 'in_progress'
       when v.status = 'ready' then 'completed' else v.status end`;
const items = `ingestion_items i left join document_versions v on v.document_id = i.document_id and v.version = i.version`;

export async function findBatch(db: Db, id: string): Promise<BatchRow | undefined> {
  const { rows } = await db.raw(
    `select b.id, b.created_at, b.cancelled_at, b.total, s.* from ingestion_batches b
      left join lateral (
        select count(*) filter (where x.status = 'queued')::int as queued,
               count(*) filter (where x.status = 'in_progress')::int as in_progress,
               count(*) filter (where x.status = 'completed')::int as completed,
               count(*) filter (where x.status = 'unchanged')::int as unchanged,
               count(*) filter (where x.status = 'failed')::int as failed,
               count(*) filter (where x.status = 'cancelled')::int as cancelled,
               count(*) filter (where x.status in ('completed', 'failed') and x.updated_at > now() - interval '1 minute')::int as recent,
               max(x.updated_at) as last_change
          from (select ${itemStatus} as status, v.updated_at from ${items} where i.batch_id = b.id) x) s on true
      where b.id = ?`,
    [id],
  );
  if (!rows[0]) return undefined;
  const { id: batchId, created_at, cancelled_at, recent, last_change, ...counts } = rows[0];
  const unfinished = counts.queued + counts.in_progress > 0;
  return {
    id: batchId,
    created_at,
    cancelled_at,
    counts,
    recent,
    completed_at: unfinished ? null : (last_change ?? created_at),
  };
}

export interface ItemRow {
  n: number;
  external_id: string | null;
  document_id: string | null;
  status: keyof Omit<BatchCounts, 'total'>;
  stage: string | null;
  attempts: number;
  error: ErrorSummary | null;
}

export async function listItems(
  db: Db,
  batchId: string,
  query: { status?: string | undefined; from: number; limit: number },
): Promise<ItemRow[]> {
  const { rows } = await db.raw(
    `select * from (
       select i.n, i.external_id, i.document_id, ${itemStatus} as status, ${stageColumn},
              coalesce(v.attempts, 0) as attempts, coalesce(i.error, v.error) as error
         from ${items} where i.batch_id = ? and i.n >= ?) x
      where ?::text is null or status = ? order by n limit ?`,
    [batchId, query.from, query.status ?? null, query.status ?? null, query.limit],
  );
  return rows;
}

/** Stops what has not ended yet. What is live stays live. */
export async function cancelBatch(db: Knex, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await trx('ingestion_batches')
      .where({ id })
      .whereNull('cancelled_at')
      .update({ cancelled_at: trx.fn.now() });
    const { rows } = await trx.raw(
      `update document_versions v set status = 'cancelled', lease_token = null, lease_until = null, updated_at = now()
         from ingestion_items i
        where i.batch_id = ? and i.outcome = 'accepted' and v.document_id = i.document_id and v.version = i.version
          and v.status in ('queued', 'parsing', 'embedding')
        returning v.document_id, v.version`,
      [id],
    );
    for (const { document_id, version } of rows)
      await trx('chunks').where({ document_id, version, live: false }).delete();
  });
}

/** Puts the failed items back into the queue. Returns the versions to nudge. */
export async function retryBatch(db: Db, id: string): Promise<{ documentId: string; version: number }[]> {
  const { rows } = await db.raw(
    `update document_versions v set status = 'queued', error = null, attempts = 0, queued_at = now(), updated_at = now()
       from ingestion_items i, documents d
      where i.batch_id = ? and i.outcome = 'accepted' and v.document_id = i.document_id and v.version = i.version
        and v.status = 'failed' and d.id = v.document_id and d.version = v.version and d.deleted_at is null
      returning v.document_id as "documentId", v.version`,
    [id],
  );
  return rows;
}

export async function listBatches(
  db: Db,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<{ id: string; created_at: Date }>> {
  const after = readCursor(query.cursor);
  const { rows } = await db.raw(
    `select id, created_at, ${positionColumn('created_at')} from ingestion_batches
      where (:at::timestamptz is null or (created_at, id) < (:at::timestamptz, :id::uuid))
      order by created_at desc, id desc limit :limit`,
    { at: after?.at ?? null, id: after?.id ?? null, limit: query.limit + 1 },
  );
  return toPage<{ id: string; created_at: Date }>(rows, query.limit);
}
