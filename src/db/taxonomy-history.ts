import type { Knex } from 'knex';
import { AppError } from '../errors.ts';
import type { Db } from './connect.ts';

/** Who changes the taxonomy, and why. */
export interface Editor {
  id: string;
  name: string;
  reason: string | null;
}

export interface HistoryRow {
  seq: number;
  at: Date;
  version: string | null;
  action: string;
  node_id: string | null;
  details: unknown;
  actor_id: string | null;
  actor: string;
  reason: string | null;
}

/** Writes down what was done; its number is what the taxonomy's state is called from now on. */
export async function noteChange(
  trx: Knex.Transaction,
  { id, name, reason }: Editor,
  change: { version: string | null; action: string; nodeId?: string | undefined; details: unknown },
): Promise<number> {
  const [row] = await trx('taxonomy_history')
    .insert({
      ...{ version: change.version, action: change.action, node_id: change.nodeId ?? null },
      ...{ details: JSON.stringify(change.details), actor_id: id, actor: name, reason },
    })
    .returning('seq');
  return row.seq;
}

/** The number of the last change: whoever has seen it has seen the draft as it is. 0: there was none. */
export async function lastChange(db: Db): Promise<number> {
  const row = await db('taxonomy_history').max('seq as seq').first();
  return Number(row?.seq ?? 0);
}

/**
 * Keeps other editors out until the transaction ends, and refuses when somebody was quicker than who has seen change `seen`;
 * undefined: whatever there is.
 *
 * @throws AppError `precondition_failed`
 */
export async function holdTaxonomy(trx: Knex.Transaction, seen: number | undefined): Promise<void> {
  await trx.raw('lock table taxonomy_versions in share row exclusive mode');
  if (seen === undefined || seen === (await lastChange(trx))) return;
  throw new AppError(
    'precondition_failed',
    'If-Match: somebody has changed the taxonomy since: read the draft again, and send its ETag with the edit.',
  );
}

/** Newest first, those before `before`. */
export async function listHistory(
  db: Db,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<HistoryRow[]> {
  const rows = db('taxonomy_history').orderBy('seq', 'desc').limit(limit);
  return before === undefined ? rows : rows.where('seq', '<', before);
}
