import type { Access } from '../access.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';

/**
 * The text that offsets of this version point into, in parts that are read when they are asked for; none while it is not
 * parsed (and may still be to be masked), or when there is no such version that the key may see.
 */
export async function* readVersionText(
  db: Db,
  documentId: string,
  n: number,
  access: Access | undefined,
): AsyncGenerator<string> {
  const { document, version, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select v.text, v.status not in ('queued', 'parsing') and v.found <> '{}' as parsed
       from document_versions v join documents d on d.id = v.document_id
      where v.document_id = :documentId and v.version = :n and d.deleted_at is null and ${document} and ${version}
        and (v.pii_policy = 'off' or v.pii is not null)`,
    { ...bindings, documentId, n },
  );
  if (!rows[0]) return;
  if (rows[0].text !== null) {
    yield rows[0].text;
    return;
  }
  // Parts that are there before the last one is would be a beginning without an end.
  if (!rows[0].parsed) return;
  for (let from = 0; ; ) {
    const part = await db('text_parts')
      .where({ document_id: documentId, version: n })
      .where('start_char', '>=', from)
      .orderBy('start_char')
      .first('start_char', 'text');
    if (part === undefined) return;
    yield part.text;
    from = part.start_char + 1;
  }
}
