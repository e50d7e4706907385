import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { ErrorSummary } from '../errors.ts';
import { acceptingTransaction } from './accept-documents.ts';
import type { Db } from './connect.ts';
import { type DocumentSelection, holdSelected } from './document-selection.ts';
import { hideDocuments } from './hide-documents.ts';
import { leaseUntil } from './lease.ts';

export interface OperationRow {
  id: string;
  verb: 'delete_document' | 'delete_documents';
  /** null when it is about many. */
  target: string | null;
  status: 'queued' | 'in_progress' | 'completed' | 'failed' | 'cancelled' | 'expired';
  /** Things it is about, and what of the receipt is known so far. */
  total: number;
  partial: Record<string, number>;
  receipt: Record<string, number> | null;
  error: ErrorSummary | null;
  created_at: Date;
  completed_at: Date | null;
}

/**
 * Hides the document from every reader at once and opens the operation that removes it: search statistics, postings and
 * the corpus version change in the same transaction, so no later search and no cached one can show it, and answers that
 * cite it say so from then on. Undefined when there is no such document; the running operation when it is being deleted
 * already, opened again if it had failed.
 */
export async function beginDelete(db: Knex, documentId: string): Promise<OperationRow | undefined> {
  return acceptingTransaction(db, async (trx) => {
    const document = await trx('documents').where({ id: documentId }).forUpdate().first('deleted_by');
    if (!document) return undefined;
    return (await reopen(trx, document.deleted_by)) ?? beginOne(trx, documentId);
  });
}

/** The same for the document of this name, or for the one of this name that is being deleted. */
export async function beginDeleteOf(db: Knex, externalId: string): Promise<OperationRow | undefined> {
  const named = db('documents').where({ external_id: externalId }).select('id');
  const found =
    (await named.clone().whereNull('deleted_at').first()) ??
    (await named.clone().whereNotNull('deleted_by').orderBy('deleted_at', 'desc').first());
  return found && beginDelete(db, found.id);
}

/**
 * The same for every document that is selected at this moment, as one operation. It does its work in steps, so those of many
 * documents are taken out of the index only then; they are found no more from now on nevertheless. The same id again is the
 * same operation.
 */
export async function beginDeleteOfMany(
  db: Knex,
  id: string,
  selection: DocumentSelection,
): Promise<OperationRow> {
  return acceptingTransaction(db, async (trx) => {
    const known = await trx('operations').where({ id }).first();
    if (known) return known;
    const documents = await holdSelected(trx, selection);
    const [operation] = await trx('operations')
      .insert({ id, verb: 'delete_documents', target: null, total: documents.length })
      .returning('*');
    await hideDocuments(trx, operation.id, documents);
    return operation;
  });
}

async function beginOne(trx: Knex.Transaction, target: string): Promise<OperationRow> {
  const [operation] = await trx('operations').insert({ verb: 'delete_document', target }).returning('*');
  await hideDocuments(trx, operation.id, [target]);
  return operation;
}

async function reopen(trx: Knex.Transaction, id: string | null): Promise<OperationRow | undefined> {
  if (id === null) return undefined;
  await trx('operations')
    .where({ id, status: 'failed' })
    .update({ status: 'queued', error: null, completed_at: null, attempts: 0 });
  return trx('operations').where({ id }).first();
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
