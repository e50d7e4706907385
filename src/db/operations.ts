import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { type Principal, system } from '../access.ts';
import type { ErrorSummary } from '../errors.ts';
import { acceptingTransaction } from './accept-documents.ts';
import { ownedBy } from './access-conditions.ts';
import { isSeen } from './answer-sources.ts';
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
 * cite it say so from then on. Undefined when there is no such document that `by` may see; the running operation when it is
 * being deleted already by the same key (or the asking one is an admin's), opened again if it had failed.
 */
export async function beginDelete(
  db: Knex,
  documentId: string,
  by: Principal = system,
): Promise<OperationRow | undefined> {
  return acceptingTransaction(db, async (trx) => {
    const document = await trx('documents').where({ id: documentId }).forUpdate().first('deleted_by');
    if (!document) return undefined;
    if (document.deleted_by !== null) return reopen(trx, document.deleted_by, by);
    return (await isSeen(trx, documentId, by.access)) ? beginOne(trx, documentId, by) : undefined;
  });
}

/** The same for the document of this name in a collection, or for the one of this name that is being deleted. */
export async function beginDeleteOf(
  db: Knex,
  { externalId, collection }: { externalId: string; collection: string },
  by: Principal,
): Promise<OperationRow | undefined> {
  const named = db('documents').where({ external_id: externalId, collection }).select('id');
  const found =
    (await named.clone().whereNull('deleted_at').first()) ??
    (await named.clone().whereNotNull('deleted_by').orderBy('deleted_at', 'desc').first());
  return found && beginDelete(db, found.id, by);
}

/**
 * The same for every document that is selected at this moment, as one operation. It does its work in steps, so those of many
 * documents are taken out of the index only then; they are found no more from now on nevertheless. The same id again is the
 * same operation. What `by` may see is for the selection to say: its filters have it as `access`.
 */
export async function beginDeleteOfMany(
  db: Knex,
  id: string,
  selection: DocumentSelection,
  by: Principal = system,
): Promise<OperationRow> {
  return acceptingTransaction(db, async (trx) => {
    const known = await trx('operations').where({ id }).first();
    if (known) return known;
    const documents = await holdSelected(trx, selection);
    const [operation] = await trx('operations')
      .insert({ id, verb: 'delete_documents', target: null, total: documents.length, api_key_id: by.keyId })
      .returning('*');
    await hideDocuments(trx, operation.id, documents);
    return operation;
  });
}

async function beginOne(trx: Knex.Transaction, target: string, { keyId }: Principal): Promise<OperationRow> {
  const [operation] = await trx('operations')
    .insert({ verb: 'delete_document', target, api_key_id: keyId })
    .returning('*');
  await hideDocuments(trx, operation.id, [target]);
  return operation;
}

async function reopen(trx: Knex.Transaction, id: string, by: Principal): Promise<OperationRow | undefined> {
  if (!(await findOperation(trx, id, by))) return undefined;
  await trx('operations')
    .where({ id, status: 'failed' })
    .update({ status: 'queued', error: null, completed_at: null, attempts: 0 });
  return trx('operations').where({ id }).first();
}

/** Undefined when there is none, or another key began it. */
export async function findOperation(
  db: Db,
  id: string,
  reader: Principal,
): Promise<OperationRow | undefined> {
  const own = ownedBy(reader, 'api_key_id');
  const { rows } = await db.raw(`select * from operations where id = :id and ${own.sql}`, {
    ...own.bindings,
    id,
  });
  return rows[0];
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
