import type { Db } from './connect.ts';

/**
 * The text that offsets of this version point into, in parts that are read when they are asked for; none while it is not
 * parsed (and may still be to be masked), or when there is no such version.
 */
export async function* readVersionText(db: Db, documentId: string, version: number): AsyncGenerator<string> {
  const { rows } = await db.raw(
    `select v.text, v.status not in ('queued', 'parsing') and v.found <> '{}' as parsed
       from document_versions v join documents d on d.id = v.document_id
      where v.document_id = ? and v.version = ? and d.deleted_at is null
        and (v.pii_policy = 'off' or v.pii is not null)`,
    [documentId, version],
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
      .where({ document_id: documentId, version })
      .where('start_char', '>=', from)
      .orderBy('start_char')
      .first('start_char', 'text');
    if (part === undefined) return;
    yield part.text;
    from = part.start_char + 1;
  }
}
