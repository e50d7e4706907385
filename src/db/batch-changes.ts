import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import type { Accepted } from './accept-documents.ts';
import { maySee } from './access-conditions.ts';
import type { ItemError } from './batches.ts';
import type { Db } from './connect.ts';
import type { VersionKey } from './versions.ts';

/** A batch whose items are all there. */
export async function insertBatch(
  trx: Knex.Transaction,
  id: string,
  apiKeyId: string | null,
  externalIds: readonly (string | null)[],
  accepted: readonly Accepted[],
): Promise<void> {
  await trx('ingestion_batches').insert({ id, api_key_id: apiKeyId, total: accepted.length });
  await insertItems(
    trx,
    id,
    0,
    accepted.map((item, n) => ({ externalId: externalIds[n] ?? null, ...item })),
  );
}

export type NewItem = { externalId: string | null } & (Accepted | { error: ItemError });

/** Items from place `first` on. */
export async function insertItems(
  trx: Knex.Transaction,
  batchId: string,
  first: number,
  items: readonly NewItem[],
): Promise<void> {
  const rows = items.map((item, n) => ({
    ...{ batch_id: batchId, n: first + n, external_id: item.externalId },
    ...('error' in item
      ? { document_id: null, version: null, outcome: 'failed', error: JSON.stringify(item.error) }
      : { document_id: item.documentId, version: item.version, outcome: item.outcome, error: null }),
  }));
  for (let i = 0; i < rows.length; i += 200) await trx('ingestion_items').insert(rows.slice(i, i + 200));
}

/** Whether a try of the same request has created it already. */
export async function batchExists(trx: Knex.Transaction, id: string): Promise<boolean> {
  return (await trx('ingestion_batches').where({ id }).first('id')) !== undefined;
}

/**
 * Stops what has not ended yet, also what is being worked on: its result is refused. What is live stays live, and lines that
 * still come are not taken in.
 */
export async function cancelBatch(db: Knex, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await trx('ingestion_batches')
      .where({ id })
      .whereNull('cancelled_at')
      .update({ cancelled_at: trx.fn.now(), receiver: null, receiving_until: null });
    await trx.raw(
      `with ended as (
         update document_versions v set status = 'cancelled', lease_token = null, lease_until = null, updated_at = now()
           from ingestion_items i
          where i.batch_id = ? and i.outcome = 'accepted' and v.document_id = i.document_id and v.version = i.version
            and v.status in ('queued', 'parsing', 'embedding')
          returning v.document_id, v.version)
       delete from chunks c using ended e where c.document_id = e.document_id and c.version = e.version and not c.live`,
      [id],
    );
  });
}

/**
 * Puts failed items back, those of documents that the key may (still) see: before the stage that they failed in, as long as
 * what the earlier one made is still there. Returns the versions to nudge.
 */
export async function retryBatch(
  db: Db,
  id: string,
  access?: Access,
): Promise<(VersionKey & { status: 'queued' | 'embedding' })[]> {
  const { document, version, bindings } = maySee(access);
  const { rows } = await db.raw(
    `with again as materialized (
       select v.document_id, v.version, v.failed_in = 'embedding' and v.chunk_count > 0 and v.chunk_count = (
                select count(*) from chunks c where c.document_id = v.document_id and c.version = v.version) as parsed
         from ingestion_items i
         join document_versions v on v.document_id = i.document_id and v.version = i.version
         join documents d on d.id = v.document_id and d.version = v.version
        where i.batch_id = :id and i.outcome = 'accepted' and v.status = 'failed' and d.deleted_at is null
          and ${document} and ${version}
          for update of v),
     reopened as (update ingestion_batches set announced_at = null where id = :id and exists (select from again))
     update document_versions v
        set status = case when a.parsed then 'embedding' else 'queued' end, attempts = case when a.parsed then attempts else 0 end,
            error = null, failed_in = null, embed_failures = 0, turn = null, queued_at = now(), updated_at = now()
       from again a where v.document_id = a.document_id and v.version = a.version
     returning v.document_id as "documentId", v.version, v.status`,
    { ...bindings, id },
  );
  return rows;
}

/** How long a failed version keeps its chunks for another try of embedding them. */
const keepFailed = `interval '7 days'`;

/**
 * Takes chunks away that nothing will use: of versions that were cancelled or overtaken, and of failed ones after a week; a
 * retry reads those anew. Up to `limit` versions; returns how many chunks there were.
 */
export async function sweepLeftChunks(db: Db, limit: number): Promise<number> {
  const { rows } = await db.raw(
    `with spent as materialized (
       select v.document_id, v.version from document_versions v join documents d on d.id = v.document_id
        where v.status in ('failed', 'cancelled') and v.chunk_count > 0
          and (v.status = 'cancelled' or v.version < d.version or v.updated_at < now() - ${keepFailed})
        order by v.updated_at limit ? for update of v skip locked),
     noted as (update document_versions v set chunk_count = 0 from spent s where v.document_id = s.document_id and v.version = s.version),
     gone as (delete from chunks c using spent s where c.document_id = s.document_id and c.version = s.version and not c.live returning 1)
     select count(*)::int as chunks from gone`,
    [limit],
  );
  return rows[0].chunks;
}
