import type { Knex } from 'knex';
import { AppError } from '../errors.ts';
import { countMissing } from './generation-work.ts';
import type { GenerationRow } from './generations.ts';
import { changeCorpus } from './versions.ts';

/**
 * Makes the generation the one that search reads, in one transaction: every search that begins after its commit, in whichever
 * process, reads the new vectors, and the corpus version grows, so nothing cached is served. The one before stays as standby.
 * False when it is live already. Throws `conflict` when it can't be: not built, or lacking vectors.
 */
export async function switchGeneration(db: Knex, id: string): Promise<boolean> {
  return db.transaction(async (trx) => {
    const all = await lockAll(trx);
    const target = all.find((row) => row.id === id);
    if (target?.status === 'live') return false;
    await takeOver(trx, all, target, { replaces: all.find(({ status }) => status === 'live')?.id ?? null });
    return true;
  });
}

/** Goes back from the live generation to the one that it replaced; returns its id. Throws `conflict` when there is no way back. */
export async function rollbackGeneration(db: Knex, id: string): Promise<string> {
  return db.transaction(async (trx) => {
    const all = await lockAll(trx);
    const from = all.find((row) => row.id === id);
    if (from?.status !== 'live')
      throw new AppError('conflict', 'Only the live generation can be rolled back: it is not this one.');
    const target = all.find((row) => row.id === from.replaces);
    if (!target)
      throw new AppError('conflict', 'This generation replaced none: there is nothing to go back to.');
    await takeOver(trx, all, target, {});
    return target.id;
  });
}

/** In the order of ids, so that two callers can't wait for each other. Whoever makes a version live holds them shared. */
async function lockAll(trx: Knex.Transaction): Promise<GenerationRow[]> {
  return trx('embedding_generations').orderBy('id').forUpdate();
}

async function takeOver(
  trx: Knex.Transaction,
  all: readonly GenerationRow[],
  target: GenerationRow | undefined,
  more: { replaces?: string | null },
): Promise<void> {
  if (target?.status !== 'ready' && target?.status !== 'standby')
    throw new AppError(
      'conflict',
      `The generation is ${target?.status ?? 'gone'}: only one that is ready or standby can become live.`,
    );
  const missing = await countMissing(trx, target.model);
  if (missing > 0)
    throw new AppError(
      'conflict',
      `${missing} chunks have no vector of the generation yet; they are being embedded: try again in a moment.`,
    );
  for (const { id, status } of all)
    if (status === 'live')
      await trx('embedding_generations')
        .where({ id })
        .update({ status: 'standby', updated_at: trx.fn.now() });
  await trx('embedding_generations')
    .where('id', target.id)
    .update({ ...more, status: 'live', switched_at: trx.fn.now(), updated_at: trx.fn.now() });
  await changeCorpus(trx, { chunks: 0, words: 0 });
}

/** Marks a generation to be taken away. False when it is that already. Throws `conflict` for the live one. */
export async function beginReclaim(db: Knex, id: string): Promise<boolean> {
  return db.transaction(async (trx) => {
    const row = await trx('embedding_generations').where({ id }).forUpdate().first();
    if (!row || row.status === 'reclaiming' || row.status === 'reclaimed') return false;
    if (row.status === 'live')
      throw new AppError(
        'conflict',
        'Search reads this generation: switch to another one before deleting it.',
      );
    await trx('embedding_generations')
      .where({ id })
      .update({
        status: 'reclaiming',
        error: null,
        ...{ lease_token: null, lease_until: null, updated_at: trx.fn.now() },
      });
    return true;
  });
}
