import type { Knex } from 'knex';
import { system } from '../access.ts';
import { findBatches } from './batches.ts';

/** Batches looked at by one call. */
const perCall = 100;

/**
 * That a batch has ended is seen from its items, which end one by one in transactions of their own: nobody's transaction ends
 * it. So whoever calls this finds those that have, and tells of each once. Returns how many.
 */
export async function announceBatches(db: Knex): Promise<number> {
  const { rows } = await db.raw(
    // The last item first: while a batch is worked on it is the one that is unfinished, and the rest need not be read.
    `select b.id from ingestion_batches b
      where b.announced_at is null and (b.receiving_until is null or b.receiving_until <= now())
        and exists (select from webhooks w where w.disabled_at is null and w.events && '{ingestion_batch.completed,ingestion_batch.cancelled}')
        and coalesce((select v.status is null or v.status not in ('queued', 'parsing', 'embedding')
                        from ingestion_items i left join document_versions v on v.document_id = i.document_id and v.version = i.version
                       where i.batch_id = b.id order by i.n desc limit 1), true)
        and not exists (
          select from ingestion_items i join document_versions v on v.document_id = i.document_id and v.version = i.version
           where i.batch_id = b.id and i.outcome = 'accepted' and v.status in ('queued', 'parsing', 'embedding'))
      order by b.created_at limit ${perCall}`,
  );
  const ended = await findBatches(
    db,
    rows.map(({ id }: { id: string }) => id),
    system,
  );
  for (const { id, cancelled_at, changed, completed_at } of ended) {
    if (!completed_at) continue;
    await announce(db, { id, status: cancelled_at ? 'cancelled' : 'completed', changed, completed_at });
  }
  return ended.length;
}

interface EndedBatch {
  id: string;
  status: 'completed' | 'cancelled';
  /** Of which end it is: a batch whose failed items were retried ends again. */
  changed: number;
  completed_at: Date;
}

async function announce(db: Knex, { changed, completed_at, id, status }: EndedBatch): Promise<void> {
  await db.transaction(async (trx) => {
    const [batch] = await trx('ingestion_batches')
      .where({ id })
      .whereNull('announced_at')
      .update({ announced_at: trx.fn.now() })
      .returning('api_key_id');
    if (!batch) return;
    const data = { id, status, links: { self: `/api/v1/ingestion-batches/${id}` } };
    await trx.raw('select announce(?, ?, ?, ?, ?, ?, null)', [
      ...[batch.api_key_id, `ingestion_batch.${status}`, id, String(changed)],
      ...[completed_at, JSON.stringify(data)],
    ]);
  });
}
