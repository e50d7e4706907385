import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import { AppError } from '../errors.ts';
import { maySee } from './access-conditions.ts';

/** A document that is there already, with its newest version. */
export interface Known {
  id: string;
  version: number;
  content_hash: string;
  status: string;
  /** Whether the key may see it, where it is found and where its newest version would put it; absent for one that this request has brought. */
  seen?: boolean;
}

interface Named {
  collection: string;
  externalId: string | null;
}

/** What two documents must differ in. */
export function nameOf({ collection, externalId }: Named): string {
  return `${collection}\0${externalId ?? ''}`;
}

const columns = 'd.id, d.version, v.content_hash, v.status, d.collection';

/** The documents that have the names of these items, held until the transaction ends; by `nameOf`. */
export async function lockKnown(
  trx: Knex.Transaction,
  items: readonly Named[],
  access: Access | undefined,
): Promise<Map<string, Known>> {
  const named = items.filter(({ externalId }) => externalId !== null);
  if (named.length === 0) return new Map();
  // Locked first, read after: a statement that had to wait for a lock would see the newest document, but versions as of
  // its own beginning, and so miss the row altogether.
  const locked = await trx.raw(
    `select d.id from documents d
      where d.deleted_at is null and d.external_id = any(:names::text[]) and exists (
        select from unnest(:names::text[], :collections::text[]) as n(name, collection)
         where n.name = d.external_id and n.collection = d.collection)
      order by d.id for update`,
    {
      names: named.map(({ externalId }) => externalId),
      collections: named.map(({ collection }) => collection),
    },
  );
  const { whole, bindings } = maySee(access);
  const { rows } = await trx.raw(
    `select d.external_id as "externalId", ${columns}, ${whole} as seen
       from documents d join document_versions v on v.document_id = d.id and v.version = d.version
      where d.id = any(:ids)`,
    { ...bindings, ids: locked.rows.map(({ id }: { id: string }) => id) },
  );
  return new Map(rows.map((row: Known & Named) => [nameOf(row), row]));
}

/** What an earlier try of the same request created. */
export async function findTry(
  trx: Knex.Transaction,
  workId: string | undefined,
  access: Access | undefined,
): Promise<Known | undefined> {
  if (workId === undefined) return undefined;
  const { whole, bindings } = maySee(access);
  const { rows } = await trx.raw(
    `select ${columns}, ${whole} as seen, d.deleted_at is not null as deleted from documents d
       join document_versions v on v.document_id = d.id and v.version = d.version where d.id = :workId`,
    { ...bindings, workId },
  );
  if (rows[0]?.deleted)
    throw new AppError('conflict', 'The document of this Idempotency-Key has been deleted: use a new key.');
  return rows[0];
}

/**
 * Of two keys that share a collection one may have taken a name for a document that the other can't see: that one can't
 * change it, nor have another one of the name. `pointer` is that of the document within the request.
 *
 * @throws AppError `not_found`
 */
export function refuseUnseen({ seen = true }: Known, pointer = ''): void {
  if (seen) return;
  const at = `${pointer}/external_id`;
  const message = 'this key has no document of this name and may not use the name: take another one';
  throw new AppError('not_found', `${at}: ${message}.`, { errors: [{ pointer: at, message }] });
}
