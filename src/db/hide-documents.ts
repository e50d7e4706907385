import type { Knex } from 'knex';
import { changeCorpus } from './versions.ts';

/** Up to so many documents are taken out of the index while they are hidden; of more, the operation does it in steps. */
const atOnce = 50;

/**
 * Hides documents until `operationId` has removed them: nobody reads them any more, what is cached of the corpus as it was
 * can't be served, and work on them is refused.
 */
export async function hideDocuments(
  trx: Knex.Transaction,
  operationId: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await trx('documents')
    .whereIn('id', [...ids])
    .update({ deleted_at: trx.fn.now(), deleted_by: operationId });
  await trx('document_versions')
    .whereIn('document_id', [...ids])
    .whereIn('status', ['queued', 'parsing', 'embedding'])
    .update({ status: 'cancelled', lease_token: null, lease_until: null });
  const gone = ids.length > atOnce ? { chunks: 0, words: 0 } : await unpublishChunks(trx, ids);
  await changeCorpus(trx, { chunks: -gone.chunks, words: -gone.words });
}

/** Takes chunks out of the index; what of it is still to be told to the corpus. */
export async function unpublishChunks(
  trx: Knex.Transaction,
  ids: readonly string[],
): Promise<{ chunks: number; words: number }> {
  const { rows } = await trx.raw(
    `with hidden as (update chunks set live = false where document_id = any(?::uuid[]) and live returning seq, word_count),
          unposted as (delete from postings where chunk_seq in (select seq from hidden))
     select count(*)::int as chunks, coalesce(sum(word_count), 0)::int as words from hidden`,
    [[...ids]],
  );
  return rows[0];
}
