import type { Knex } from 'knex';
import { scrubRecords } from './answer-records.ts';
import { scrubCiting } from './answer-sources.ts';
import { unpublishChunks } from './hide-documents.ts';
import { leaseLost } from './lease.ts';
import type { OperationRow } from './operations.ts';
import { chunksOf, clearStaleCache, countCached, countRemains, removeDocuments } from './remains.ts';
import { changeCorpus } from './versions.ts';

type Claimed = Pick<OperationRow, 'id'> & { token: string };

/** Documents of a step, and answers changed between two of them: short enough for others to come between. */
const perStep = 20;
const answersPerStep = 100;

/**
 * Removes what the hidden documents of an operation left behind, step by step, and ends it with the receipt: what went, and
 * as `residual` what was still there when looked for after each step. A killed one goes on where it was. Throws `lease_lost`
 * when fenced off, and the signal's reason between two steps.
 */
export async function completeDelete(
  db: Knex,
  operation: Claimed,
  signal?: AbortSignal,
): Promise<Record<string, number>> {
  while (await removeSome(db, operation)) signal?.throwIfAborted();
  const { rows } = await db.raw(
    `update operations set status = 'completed', receipt = ?::jsonb || partial, error = null, completed_at = now(),
            lease_token = null, lease_until = null
      where id = ? and lease_token = ? returning receipt`,
    [JSON.stringify(nothing), operation.id, operation.token],
  );
  if (rows.length === 0) throw leaseLost();
  return rows[0].receipt;
}

/** What a receipt counts, of an operation that finds nothing to do. */
const nothing = {
  ...{
    documents: 0,
    versions: 0,
    chunks: 0,
    vectors: 0,
    postings: 0,
    blobs: 0,
    texts: 0,
    items: 0,
    replies: 0,
  },
  ...{ answers: 0, drafts: 0, records: 0, cases: 0, cache_entries: 0, residual: 0 },
};

/** One step, all or nothing; false when no document is left. */
async function removeSome(db: Knex, operation: Claimed): Promise<boolean> {
  return db.transaction(async (trx) => {
    const held = await trx('operations')
      .where({ id: operation.id, lease_token: operation.token })
      .forUpdate()
      .first('partial');
    if (!held) throw leaseLost();
    const ids: string[] = await trx('documents')
      .where({ deleted_by: operation.id })
      .orderBy('id')
      .limit(perStep)
      .forUpdate()
      .pluck('id');
    if (ids.length === 0) return false;
    const gone = await unpublishChunks(trx, ids);
    if (gone.chunks > 0) await changeCorpus(trx, { chunks: -gone.chunks, words: -gone.words });
    const answers = await scrubCiting(trx, ids, answersPerStep);
    const records = await scrubRecords(trx, ids, answersPerStep);
    const scrubbed = { answers, records };
    const more = Math.max(answers, records) >= answersPerStep;
    const counted = more ? scrubbed : await removeAll(trx, ids, scrubbed);
    await trx('operations')
      .where({ id: operation.id })
      .update({ partial: JSON.stringify(addUp(held.partial, counted)) });
    return true;
  });
}

/** Everything but the answers and their records: of those, `scrubbed` were changed already. */
async function removeAll(
  trx: Knex.Transaction,
  ids: readonly string[],
  scrubbed: { answers: number; records: number },
) {
  const seqs = await chunksOf(trx, ids);
  const before = await countRemains(trx, ids, seqs);
  await removeDocuments(trx, ids);
  const cache_entries = await clearStaleCache(trx);
  const after = { ...(await countRemains(trx, ids, seqs)), cached: await countCached(trx, ids) };
  const residual = Object.values(after).reduce((sum, count) => sum + count, 0);
  return { ...before, ...scrubbed, cache_entries, residual };
}

function addUp(a: Record<string, number>, b: Record<string, number>): Record<string, number> {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]));
}
