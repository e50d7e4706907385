import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { ErrorSummary } from '../errors.ts';
import type { Db } from './connect.ts';
import { leaseLost, leaseUntil } from './lease.ts';
import { changeCorpus } from './versions.ts';

export interface OperationRow {
  id: string;
  verb: string;
  target: string;
  status: 'queued' | 'in_progress' | 'completed' | 'failed' | 'cancelled' | 'expired';
  receipt: Record<string, number> | null;
  error: ErrorSummary | null;
  created_at: Date;
  completed_at: Date | null;
}

/**
 * Hides the document from every reader at once and opens the operation that removes it: search statistics, postings and
 * the corpus version change in the same transaction, so no later search and no cached one can show it. Undefined when
 * there is no such document; the running operation when it is being deleted already.
 */
export async function beginDelete(db: Knex, documentId: string): Promise<OperationRow | undefined> {
  return db.transaction(async (trx) => {
    const [document] = await trx('documents').where({ id: documentId }).forUpdate().select('deleted_at');
    if (!document) return undefined;
    if (document.deleted_at)
      return trx('operations').where({ verb: 'delete_document', target: documentId }).first();
    await trx('documents').where({ id: documentId }).update({ deleted_at: trx.fn.now() });
    await trx('document_versions')
      .where({ document_id: documentId })
      .whereIn('status', ['queued', 'parsing', 'embedding'])
      .update({ status: 'cancelled', lease_token: null, lease_until: null });
    const { rows } = await trx.raw(
      `with hidden as (update chunks set live = false where document_id = ? and live returning seq, word_count),
            unposted as (delete from postings where chunk_seq in (select seq from hidden))
       select count(*)::int as chunks, coalesce(sum(word_count), 0)::int as words from hidden`,
      [documentId],
    );
    await changeCorpus(trx, { chunks: -rows[0].chunks, words: -rows[0].words });
    const [operation] = await trx('operations')
      .insert({ verb: 'delete_document', target: documentId })
      .returning('*');
    return operation;
  });
}

export async function findOperation(db: Db, id: string): Promise<OperationRow | undefined> {
  return db('operations').where({ id }).first();
}

export async function claimOperation(
  db: Db,
  id: string,
): Promise<(OperationRow & { token: string }) | undefined> {
  const token = randomUUID();
  const { rows } = await db.raw(
    `update operations set status = 'in_progress', lease_token = ?, lease_until = ${leaseUntil}, attempts = attempts + 1
      where id = ? and (status = 'queued' or (status = 'in_progress' and lease_until < now())) returning *`,
    [token, id],
  );
  return rows[0] && { ...rows[0], token };
}

/** Removes what the document left behind and counts it; `residual` is counted by looking again afterwards. */
export async function completeDelete(
  db: Knex,
  operation: OperationRow & { token: string },
): Promise<Record<string, number>> {
  return db.transaction(async (trx) => {
    const documentId = operation.target;
    const before = await countRemains(trx, documentId);
    await trx('documents').where({ id: documentId }).delete();
    const after = await countRemains(trx, documentId);
    // Hiding it changed the corpus version, so what was cached of it can't be served; here the rows themselves go.
    const { rowCount: cacheEntries } = await trx.raw(
      'delete from query_cache where corpus_version < (select version from corpus_state)',
    );
    const receipt = {
      ...before,
      cache_entries: cacheEntries ?? 0,
      residual: Object.values(after).reduce((sum, count) => sum + count, 0),
    };
    const done = await trx('operations')
      .where({ id: operation.id, lease_token: operation.token })
      .update({
        status: 'completed',
        receipt: JSON.stringify(receipt),
        completed_at: trx.fn.now(),
        lease_token: null,
        lease_until: null,
      });
    if (done === 0) throw leaseLost();
    return receipt;
  });
}

async function countRemains(db: Db, documentId: string): Promise<Record<string, number>> {
  const { rows } = await db.raw(
    `select (select count(*)::int from documents where id = :id) as documents,
            (select count(*)::int from document_versions where document_id = :id) as versions,
            (select count(*)::int from chunks where document_id = :id) as chunks,
            (select count(*)::int from chunk_vectors x join chunks c on c.seq = x.chunk_seq where c.document_id = :id) as vectors,
            (select count(*)::int from postings p join chunks c on c.seq = p.chunk_seq where c.document_id = :id) as postings,
            (select count(distinct version)::int from blob_parts where document_id = :id) as blobs`,
    { id: documentId },
  );
  return rows[0];
}

export async function releaseOperation(db: Db, id: string, token: string): Promise<void> {
  await db('operations')
    .where({ id, lease_token: token })
    .update({ status: 'queued', lease_token: null, lease_until: null });
}

export async function failOperation(db: Db, id: string, error: ErrorSummary): Promise<void> {
  await db('operations')
    .where({ id })
    .whereIn('status', ['queued', 'in_progress'])
    .update({
      status: 'failed',
      error: JSON.stringify(error),
      completed_at: db.fn.now(),
      lease_token: null,
      lease_until: null,
    });
}
