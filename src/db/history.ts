import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import type { ErrorSummary } from '../errors.ts';
import type { Attributes } from './accept-documents.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';
import type { VersionStatus } from './documents.ts';

/** One version of a document: what was said of it, by whom and when, and how far it got. */
export interface VersionRow {
  version: number;
  status: VersionStatus;
  live: boolean;
  attributes: Attributes;
  content_type: string;
  file_name: string | null;
  bytes: number;
  chunk_count: number;
  error: ErrorSummary | null;
  /** The key that brought it; its name as long as the key is known. */
  api_key_id: string | null;
  api_key_name: string | null;
  restored_from: number | null;
  /** When its text and bytes were removed; null while they are kept. */
  swept_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

const columns = `v.version, v.status, coalesce(v.version = d.live_version, false) as live, v.attributes, v.content_type, v.file_name,
  v.bytes, v.chunk_count, v.error, v.api_key_id, k.name as api_key_name, v.restored_from, v.swept_at, v.created_at, v.updated_at`;
const source = `document_versions v join documents d on d.id = v.document_id and d.deleted_at is null
  left join api_keys k on k.id = v.api_key_id`;

/** Newest first, those below `before` that the key may see. */
export async function listVersionsOf(
  db: Db,
  documentId: string,
  { before, limit, access }: { before: number | undefined; limit: number; access: Access | undefined },
): Promise<VersionRow[]> {
  const { document, version, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select ${columns} from ${source}
      where v.document_id = :documentId and ${document} and ${version} and (:before::int is null or v.version < :before::int)
      order by v.version desc limit :limit`,
    { ...bindings, documentId, before: before ?? null, limit },
  );
  return rows;
}

export async function findVersion(
  db: Db,
  documentId: string,
  n: number,
  access: Access | undefined,
): Promise<VersionRow | undefined> {
  const { document, version, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select ${columns} from ${source}
      where v.document_id = :documentId and v.version = :n and ${document} and ${version}`,
    { ...bindings, documentId, n },
  );
  return rows[0];
}

export interface TextComparison {
  /** null when one of both is not known: not parsed, or removed. */
  changed: boolean | null;
  /** Bytes of the text in UTF-8, of each. */
  bytes: [number | null, number | null];
}

/** Whether two versions of a document say the same, found by the database: texts may be long. */
export async function compareTexts(
  db: Db,
  documentId: string,
  a: number,
  b: number,
): Promise<TextComparison> {
  const { rows } = await db.raw(
    `select case when a.source_hash = b.source_hash then false else a.text <> b.text end as changed,
            octet_length(a.text) as a, octet_length(b.text) as b
       from document_versions a join document_versions b on b.document_id = a.document_id
      where a.document_id = ? and a.version = ? and b.version = ?`,
    [documentId, a, b],
  );
  return { changed: rows[0].changed, bytes: [rows[0].a, rows[0].b] };
}

/**
 * Removes text, bytes and kept vectors of versions that are neither live nor among the newest `kept`, of up to `limit` of
 * them. What was said of them, by whom and when stays. Returns how many there were.
 */
export async function sweepVersions(db: Knex, kept: number, limit: number): Promise<number> {
  return db.transaction(async (trx) => {
    const { rows } = await trx.raw(
      `update document_versions v set text = null, pages = '[]', swept_at = now()
         from (select o.document_id, o.version from documents d
                 join document_versions o on o.document_id = d.id and o.version <= d.version - :kept
                where d.version > greatest(1, :kept) and o.version is distinct from d.live_version and o.swept_at is null
                  and o.status not in ('queued', 'parsing', 'embedding')
                limit :limit) as old
        where v.document_id = old.document_id and v.version = old.version
        returning v.document_id as "documentId", v.version`,
      { kept, limit },
    );
    for (const table of ['blob_parts', 'text_parts', 'kept_vectors'])
      await trx.raw(
        `delete from ${table} t using unnest(?::uuid[], ?::int[]) as old(id, version)
          where t.document_id = old.id and t.version = old.version`,
        [
          rows.map(({ documentId }: { documentId: string }) => documentId),
          rows.map(({ version }: { version: number }) => version),
        ],
      );
    return rows.length;
  });
}
