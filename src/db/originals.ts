import type { Knex } from 'knex';
import type { PiiReport } from '../text/pii/mask.ts';
import type { Db } from './connect.ts';
import { leaseLost } from './lease.ts';
import type { VersionKey } from './versions.ts';

/** How long a version that failed or was overtaken keeps what was sent, so that it can be tried again or restored. */
const keepHours = 24;

/** Personal data was found and is not to stay, as a condition on a version `v`. */
export const holdsPii = `v.pii_policy <> 'off' and v.pii -> 'found' <> '{}'::jsonb`;

/**
 * Takes the bytes that a version was sent as away. Those that have personal data which is masked in the text go once they are
 * no longer needed: with the switch, when nothing is left to be tried again. Those of a version in which nothing was found stay.
 */
export async function forgetBytes(trx: Knex.Transaction, { documentId, version }: VersionKey): Promise<void> {
  await trx('blob_parts').where({ document_id: documentId, version }).delete();
}

/** A refused version keeps what was found in it, by kind, and nothing of what was sent. Throws `lease_lost` when fenced off. */
export async function forgetRefused(
  db: Knex,
  key: VersionKey,
  token: string,
  report: PiiReport,
): Promise<void> {
  const where = { document_id: key.documentId, version: key.version };
  await db.transaction(async (trx) => {
    const refused = await trx('document_versions')
      .where({ ...where, lease_token: token, status: 'parsing' })
      .update({ pii: JSON.stringify(report), text: null, updated_at: trx.fn.now() });
    if (refused === 0) throw leaseLost();
    for (const table of ['blob_parts', 'text_parts', 'chunks']) await trx(table).where(where).delete();
  });
}

/**
 * Takes away what was sent of versions that never went live, a day after they failed or were cancelled. Returns of how many.
 */
export async function sweepOriginals(db: Db): Promise<number> {
  const ended = `v.pii_policy <> 'off' and v.status in ('cancelled', 'failed')
    and v.updated_at < now() - ${keepHours} * interval '1 hour'`;
  const { rows } = await db.raw(
    `with texts as (
       update document_versions v set text = null where ${ended} and v.pii is null and v.text is not null
       returning v.document_id, v.version),
     files as (
       delete from blob_parts b using document_versions v
        where b.document_id = v.document_id and b.version = v.version and ${ended}
          and (v.pii is null or v.pii -> 'found' <> '{}'::jsonb)
       returning v.document_id, v.version)
     select count(*)::int as swept from (select * from texts union select * from files) s`,
  );
  return rows[0].swept;
}
