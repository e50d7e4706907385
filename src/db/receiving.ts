import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import { AppError, type ErrorSummary } from '../errors.ts';
import {
  type Accepted,
  acceptDocuments,
  acceptingTransaction,
  type NewDocument,
} from './accept-documents.ts';
import { insertItems, type NewItem } from './batch-changes.ts';
import type { ItemError } from './batches.ts';
import type { Db } from './connect.ts';
import type { VersionKey } from './versions.ts';

/** For so long without another sign of life a batch counts as still being received. */
const until = `now() + interval '30 seconds'`;

/** Who takes lines in. What an earlier try of the same request took in is there already. */
export interface Receiving {
  id: string;
  receiver: string;
  total: number;
  /** SHA-256 of the bytes up to the end of the last line taken in; null: none yet. */
  hash: string | null;
}

/** A line, as it is to be kept. `digest`: SHA-256 of all bytes up to its end. */
export type ReceivedItem = { externalId: string | null; digest: string } & (
  | { document: NewDocument }
  | { error: ItemError }
);

/** Opens the batch, or goes on with the one that an earlier try began. Undefined while another one receives, or when it was cancelled. */
export async function beginReceiving(
  db: Db,
  id: string,
  apiKeyId: string | null,
): Promise<Receiving | undefined> {
  const receiver = randomUUID();
  const { rows } = await db.raw(
    `insert into ingestion_batches as b (id, api_key_id, receiver, receiving_until) values (?, ?, ?, ${until})
     on conflict (id) do update set receiver = excluded.receiver, receiving_until = excluded.receiving_until
       where b.cancelled_at is null and (b.receiving_until is null or b.receiving_until <= now())
     returning total, received_hash as hash`,
    [id, apiKeyId, receiver],
  );
  return rows[0] && { id, receiver, ...rows[0] };
}

/** Says that lines still may come. Throws `conflict` when the batch was cancelled or another try has taken over. */
export async function extendReceiving(db: Db, { id, receiver }: Receiving): Promise<void> {
  const extended = await db('ingestion_batches')
    .where({ id, receiver })
    .update({ receiving_until: db.raw(until) });
  if (extended === 0) throw noLonger();
}

/**
 * Takes lines in after the first `total`, all or none, in a transaction. Returns the versions to nudge. Throws `conflict` when the batch was cancelled,
 * or another try has taken over; what acceptDocuments throws of a document goes through.
 */
export async function appendItems(
  db: Knex,
  { id, receiver, total }: Receiving,
  items: readonly ReceivedItem[],
  options: { apiKeyId: string | null; createPaths: boolean; access?: Access | undefined },
): Promise<VersionKey[]> {
  return acceptingTransaction(db, async (trx) => {
    const [batch] = await trx('ingestion_batches')
      .where({ id, receiver, total })
      .update({
        total: trx.raw('total + ?', [items.length]),
        received_hash: items.at(-1)?.digest as string,
        receiving_until: trx.raw(until),
      })
      .returning('id');
    if (!batch) throw noLonger();
    const documents = items.flatMap((item) => ('document' in item ? [item.document] : []));
    const accepted = documents.length > 0 ? await acceptDocuments(trx, documents, options) : [];
    let next = 0;
    const rows = items.map(
      ({ externalId, ...item }): NewItem => ({
        externalId,
        ...('error' in item ? { error: item.error } : (accepted[next++] as Accepted)),
      }),
    );
    await insertItems(trx, id, total, rows);
    return accepted.filter(({ outcome }) => outcome === 'accepted');
  });
}

/** No more lines come; with `error`, fewer than there should be. Undefined leaves what was said of an earlier try. */
export async function endReceiving(
  db: Db,
  { id, receiver }: Receiving,
  error: ErrorSummary | null | undefined,
): Promise<void> {
  await db('ingestion_batches')
    .where({ id, receiver })
    .update({
      ...{ receiver: null, receiving_until: null },
      ...(error === undefined ? {} : { error: error && JSON.stringify(error) }),
    });
}

/** A batch that never had a line. */
export async function dropReceiving(db: Db, { id, receiver }: Receiving): Promise<void> {
  await db('ingestion_batches').where({ id, receiver, total: 0 }).delete();
}

function noLonger(): AppError {
  return new AppError('conflict', 'The batch was cancelled, or another request goes on with it.');
}
