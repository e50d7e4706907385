import type { Knex } from 'knex';
import { leaseLost } from './lease.ts';
import type { VersionKey } from './versions.ts';

/**
 * Notes what the version's chunks are made with, and, when those of the live version were made with the same, takes text and
 * chunks over from it: the version then is as if it had been parsed. Returns how many chunks, undefined when there is none
 * to take from. Throws `lease_lost` when fenced off.
 */
export async function copyParsed(
  db: Knex,
  { documentId, version }: VersionKey,
  token: string,
  recipe: string,
): Promise<number | undefined> {
  return db.transaction(async (trx) => {
    const mine = { document_id: documentId, version, lease_token: token, status: 'parsing' };
    if ((await trx('document_versions').where(mine).update({ recipe })) === 0) throw leaseLost();
    const { rows } = await trx.raw(
      `update document_versions v
          set status = 'embedding', text = o.text, pages = o.pages, found = o.found, pii = o.pii,
              chunk_count = o.chunk_count, turn = null, embed_failures = 0,
              lease_token = null, lease_until = null, updated_at = now()
         from documents d join document_versions o on o.document_id = d.id and o.version = d.live_version
        where d.id = :documentId and o.recipe = :recipe and o.version <> :version
          and v.document_id = d.id and v.version = :version and v.lease_token = :token
        returning o.version as from, o.chunk_count as count`,
      { documentId, version, token, recipe },
    );
    if (rows.length === 0) return undefined;
    const [{ from, count }] = rows;
    const { rowCount } = await trx.raw(
      `insert into chunks (document_id, version, n, start_char, end_char, page, heading, context, gap, text, words, frequencies,
         word_count, analyzer)
       select document_id, :version, n, start_char, end_char, page, heading, context, gap, text, words, frequencies, word_count, analyzer
         from chunks where document_id = :documentId and version = :from order by n`,
      { documentId, version, from },
    );
    await trx.raw(
      `insert into text_parts (document_id, version, start_char, text)
       select document_id, :version, start_char, text from text_parts where document_id = :documentId and version = :from`,
      { documentId, version, from },
    );
    if (rowCount !== count) throw new Error(`the live version has ${rowCount} chunks instead of ${count}`);
    return count;
  });
}
