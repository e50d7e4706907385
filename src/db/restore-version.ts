import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import { AppError } from '../errors.ts';
import { type Accepted, nextVersion } from './accept-documents.ts';
import { findDocument } from './documents.ts';
import { findVersion } from './history.ts';

/**
 * Makes a new version with the content and attributes of version `n`; `unchanged` when the newest one is the same already.
 * Its bytes are copied within the database.
 *
 * @throws AppError `not_found` without such a document or version, or where the key may not see it, `conflict` when the content of `n` is not kept any more
 */
export async function restoreVersion(
  trx: Knex.Transaction,
  documentId: string,
  n: number,
  { apiKeyId, access }: { apiKeyId: string | null; access?: Access | undefined },
): Promise<Accepted & { priority: number }> {
  const document = await trx('documents')
    .where({ id: documentId })
    .whereNull('deleted_at')
    .forUpdate()
    .first('version');
  if (!document) throw new AppError('not_found', 'There is no such document.');
  const read = (version: number) =>
    trx('document_versions')
      .where({ document_id: documentId, version })
      .first('content_hash', 'status', 'priority', 'swept_at');
  const [wanted, newest] = [await read(n), await read(document.version)];
  if (!(await findDocument(trx, documentId, access)))
    throw new AppError('not_found', 'There is no such document.');
  if (!wanted || !(await findVersion(trx, documentId, n, access)))
    throw new AppError('not_found', 'There is no such version of this document.');
  const { priority } = wanted;
  if (wanted.content_hash === newest.content_hash && !['failed', 'cancelled'].includes(newest.status))
    return { documentId, version: document.version, outcome: 'unchanged', priority };
  const version = document.version + 1;
  await nextVersion(trx, { id: documentId, version });
  if (wanted.swept_at !== null || !(await copyVersion(trx, { documentId, from: n, version, apiKeyId })))
    throw new AppError('conflict', `The content of version ${n} is not kept any more: see VERSIONS_KEPT.`);
  return { documentId, version, outcome: 'accepted', priority };
}

/** False when there is nothing to copy. A file is read anew from its bytes; where those are gone, its text is taken. */
async function copyVersion(
  trx: Knex.Transaction,
  copy: { documentId: string; from: number; version: number; apiKeyId: string | null },
): Promise<boolean> {
  const { rowCount } = await trx.raw(
    `insert into document_versions (document_id, version, content_hash, source_hash, content_type, file_name, attributes, bytes,
            text, pii_policy, pii, priority, api_key_id, restored_from, node_id)
     select v.document_id, :version, v.content_hash, v.source_hash, v.content_type, v.file_name, v.attributes, v.bytes,
            case when file.there then null else v.text end, v.pii_policy, case when file.there then null else v.pii end, v.priority, coalesce(:apiKeyId, '00000000-0000-0000-0000-000000000000')::uuid, v.version, v.node_id
       from document_versions v
       cross join lateral (select exists (select from blob_parts b where b.document_id = v.document_id and b.version = v.version) as there) as file
      where v.document_id = :documentId and v.version = :from and (file.there or v.text is not null)`,
    copy,
  );
  await trx.raw(
    `insert into blob_parts (document_id, version, part, bytes)
     select document_id, :version, part, bytes from blob_parts where document_id = :documentId and version = :from`,
    copy,
  );
  return rowCount === 1;
}
