import type { Knex } from 'knex';
import type { Db } from './connect.ts';
import { leaseLost } from './lease.ts';
import type { VersionKey } from './versions.ts';

const where = ({ documentId, version }: VersionKey) => ({ document_id: documentId, version });

/** What the live version was made of, when it is the one before this and said the same of itself: only its bytes can differ. */
export interface EarlierFetch {
  version: number;
  finalUrl: string;
  etag: string | null;
  lastModified: string | null;
  bodyHash: string;
}

export async function findEarlierFetch(db: Db, key: VersionKey): Promise<EarlierFetch | undefined> {
  const { rows } = await db.raw(
    `select p.version, p.final_url as "finalUrl", p.etag, p.last_modified as "lastModified", p.body_hash as "bodyHash"
       from document_versions v join documents d on d.id = v.document_id
       join document_versions p on p.document_id = v.document_id and p.version = d.live_version
      where v.document_id = ? and v.version = ? and p.version = v.version - 1 and p.status = 'ready'
        and p.fetch_url = v.fetch_url and p.content_hash = v.content_hash and p.fetched_at is not null`,
    [key.documentId, key.version],
  );
  return rows[0];
}

/** Takes away what a broken try has stored, unless the version is another worker's by now. */
export async function forgetParts(db: Db, key: VersionKey, token: string): Promise<void> {
  await db.raw(
    `delete from blob_parts p using document_versions v
      where p.document_id = ? and p.version = ? and v.document_id = p.document_id and v.version = p.version and v.lease_token = ?`,
    [key.documentId, key.version, token],
  );
}

/** Stores the next part; throws `lease_lost` when the version is no longer this worker's. */
export async function storeFetchedPart(
  db: Db,
  key: VersionKey,
  token: string,
  part: number,
  bytes: Buffer,
): Promise<void> {
  const { rowCount } = await db.raw(
    `insert into blob_parts (document_id, version, part, bytes)
     select document_id, version, ?::int, ?::bytea from document_versions where document_id = ? and version = ? and lease_token = ?`,
    [part, bytes, key.documentId, key.version, token],
  );
  if (rowCount === 0) throw leaseLost();
}

export interface FetchRecord {
  finalUrl: string;
  contentType: string | null;
  fileName: string | null;
  etag: string | null;
  lastModified: string | null;
  bytes: number;
  bodyHash: string;
}

/** All parts are here. A source_url that was only the URL asked for becomes the one that answered. */
export async function finishFetch(
  db: Db,
  key: VersionKey,
  token: string,
  record: FetchRecord,
): Promise<void> {
  const { rowCount } = await db.raw(
    `update document_versions
        set final_url = :finalUrl, content_type = coalesce(:contentType, content_type), file_name = :fileName,
            etag = :etag, last_modified = :lastModified, bytes = :bytes, body_hash = :bodyHash,
            attributes = case when attributes->>'source_url' = fetch_url
              then jsonb_set(attributes, '{source_url}', to_jsonb(:finalUrl::text)) else attributes end,
            fetched_at = now(), updated_at = now()
      where document_id = :documentId and version = :version and lease_token = :token`,
    { ...record, ...key, token },
  );
  if (rowCount === 0) throw leaseLost();
}

/**
 * The URL gives what the live version was made of: the new version goes, as if it had never been asked for, and batches that
 * wait for it learn that it is unchanged. Throws `lease_lost` when a newer version was accepted meanwhile.
 */
export async function endUnchanged(
  db: Knex,
  key: VersionKey,
  token: string,
  earlier: Pick<EarlierFetch, 'version' | 'etag' | 'lastModified'>,
): Promise<void> {
  await db.transaction(async (trx) => {
    // The order in which a newer version takes its locks.
    await trx('documents').where({ id: key.documentId }).forUpdate();
    const gone = await trx('document_versions')
      .where({ ...where(key), lease_token: token, status: 'parsing' })
      .delete();
    if (gone === 0) throw leaseLost();
    const { version, etag, lastModified } = earlier;
    await trx('document_versions')
      .where({ document_id: key.documentId, version })
      .update({ etag, last_modified: lastModified, fetched_at: trx.fn.now() });
    await trx('documents').where({ id: key.documentId }).update({ version, updated_at: trx.fn.now() });
    await trx('ingestion_items').where(where(key)).update({ version, outcome: 'unchanged' });
  });
}
