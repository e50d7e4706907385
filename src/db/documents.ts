import type { Access } from '../access.ts';
import type { ErrorSummary } from '../errors.ts';
import type { PiiReport } from '../text/pii/mask.ts';
import type { Attributes } from './accept-documents.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';
import { shownPath } from './taxonomy-places.ts';

export const documentStatuses = ['queued', 'parsing', 'embedding', 'ready', 'failed', 'cancelled'] as const;
export type VersionStatus = (typeof documentStatuses)[number];

/** A document with its newest version, as the API shows it. */
export interface DocumentRow extends Attributes {
  id: string;
  external_id: string | null;
  collection: string;
  version: number;
  live_version: number | null;
  status: VersionStatus | 'deleted';
  /** The status, or `fetching`: the part of `parsing` in which the bytes of a URL come. */
  stage: string;
  chunk_count: number;
  /** Chunks of the newest version that have a vector. */
  embedded: number;
  error: ErrorSummary | null;
  content_type: string;
  bytes: number;
  /** null until it was looked for. */
  pii: PiiReport | null;
  created_at: Date;
  updated_at: Date;
}

/** Of a version `v`. */
export const stage = `case when v.status = 'parsing' and v.fetch_url is not null and v.fetched_at is null then 'fetching' else v.status end`;

const columns = `
  d.id, d.external_id, d.collection, coalesce(d.title, v.found->>'title') as title, d.source_url,
  coalesce(d.author, v.found->>'author') as author, coalesce(d.language, v.found->>'language') as language,
  ${shownPath('d')} as taxonomy_path, d.metadata, d.version, d.live_version,
  case when d.deleted_at is null then v.status else 'deleted' end as status,
  ${stage} as stage, v.chunk_count, v.error, v.content_type, v.bytes, v.pii, d.created_at,
  greatest(d.updated_at, v.updated_at) as updated_at,
  case v.status when 'embedding' then (
    select count(distinct x.chunk_seq)::int from chunks c join chunk_vectors x on x.chunk_seq = c.seq
     where c.document_id = d.id and c.version = d.version
  ) when 'ready' then v.chunk_count else 0 end as embedded`;
const source = 'documents d join document_versions v on v.document_id = d.id and v.version = d.version';

/**
 * The document unless it is deleted, or the key may not see it: what is shown is also of its newest version, so that must be
 * where the key may see it, too.
 */
export async function findDocument(
  db: Db,
  id: string,
  access: Access | undefined,
): Promise<DocumentRow | undefined> {
  const { document, version, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select ${columns} from ${source} where d.id = :id and d.deleted_at is null and ${document} and ${version}`,
    { ...bindings, id },
  );
  return rows[0];
}

export interface DocumentQuery {
  limit: number;
  cursor?: string | undefined;
  status?: VersionStatus | undefined;
  collection?: string | undefined;
  externalId?: string | undefined;
  externalIdPrefix?: string | undefined;
}

/** Newest first, of those that `findDocument` shows. */
export async function listDocuments(
  db: Db,
  query: DocumentQuery,
  access: Access | undefined,
): Promise<Page<DocumentRow>> {
  const after = readCursor(query.cursor);
  const { document, version, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('d.created_at')} from ${source}
      where d.deleted_at is null and ${document} and ${version}
        and (:collection::text is null or d.collection = :collection)
        and (:status::text is null or v.status = :status)
        and (:externalId::text is null or d.external_id = :externalId)
        and (:prefix::text is null or starts_with(d.external_id, :prefix))
        and (:at::timestamptz is null or (d.created_at, d.id) < (:at::timestamptz, :id::uuid))
      order by d.created_at desc, d.id desc limit :limit`,
    {
      ...bindings,
      collection: query.collection ?? null,
      status: query.status ?? null,
      externalId: query.externalId ?? null,
      prefix: query.externalIdPrefix ?? null,
      at: after?.at ?? null,
      id: after?.id ?? null,
      limit: query.limit + 1,
    },
  );
  return toPage<DocumentRow>(rows, query.limit);
}

export interface ChunkRow {
  id: string;
  n: number;
  version: number;
  start_char: number;
  end_char: number;
  page: number | null;
  heading: string | null;
  text: string;
}

/** Chunks of the live version in order, from position `from`; none of a document that the key may not see. */
export async function listChunks(
  db: Db,
  documentId: string,
  { from, limit, access }: { from: number; limit: number; access: Access | undefined },
): Promise<ChunkRow[]> {
  const { document, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select c.id, c.n, c.version, c.start_char, c.end_char, c.page, c.heading, c.text
       from chunks c join documents d on d.id = c.document_id and d.live_version = c.version
      where c.document_id = :documentId and d.deleted_at is null and ${document} and c.n >= :from order by c.n limit :limit`,
    { ...bindings, documentId, from, limit },
  );
  return rows;
}
