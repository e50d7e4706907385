import type { Db } from './connect.ts';

/** Rows that nobody works on though they are not done, by what should be nudged for them. */
export interface LostWork {
  ingest: { documentId: string; version: number; priority: number }[];
  embed: { documentId: string; version: number; priority: number }[];
  answers: string[];
  operations: string[];
}

/** Most rows of a kind that one run brings back; the next run takes the next ones. */
const limit = 50_000;

/** Unfinished rows of each kind: as many jobs, or more, mean that no row has lost its own. */
export async function countUnfinished(db: Db): Promise<Record<keyof LostWork, number>> {
  const { rows } = await db.raw(
    `select count(*) filter (where status in ('queued', 'parsing'))::int as ingest,
            count(*) filter (where status = 'embedding')::int as embed,
            (select count(*)::int from answers where status in ('queued', 'in_progress')) as answers,
            (select count(*)::int from operations where status in ('queued', 'in_progress')) as operations
       from document_versions where status in ('queued', 'parsing', 'embedding')`,
  );
  return rows[0];
}

/** How long a row of each kind may wait before it counts as forgotten, seconds; null: however long, its job is there. */
export type Patience = Record<keyof LostWork, number | null>;

/**
 * Finds rows that have waited for a worker longer than their patience, or whose lease ran out. Nudging one that still has
 * its job is harmless: the job is not added twice, and a second delivery finds nothing to claim.
 */
export async function findLost(db: Db, patience: Patience): Promise<LostWork> {
  const since = (kind: keyof LostWork) => (patience[kind] === null ? null : `${patience[kind]} seconds`);
  const ingest = await db.raw(
    `select document_id as "documentId", version, priority from document_versions
      where (status = 'queued' and updated_at < now() - ?::interval) or (status = 'parsing' and lease_until < now())
      order by queued_at limit ?`,
    [since('ingest'), limit],
  );
  const embed = await db.raw(
    `select document_id as "documentId", version, priority from document_versions
      where status = 'embedding' and updated_at < now() - ?::interval
      order by queued_at limit ?`,
    [since('embed'), limit],
  );
  const answers = await db.raw(
    `select id from answers
      where (status = 'queued' and created_at < now() - ?::interval and deadline_at > now()) or (status = 'in_progress' and lease_until < now())
      order by created_at limit ?`,
    [since('answers'), limit],
  );
  const operations = await db.raw(
    `select id from operations
      where (status = 'queued' and created_at < now() - ?::interval) or (status = 'in_progress' and lease_until < now())
      order by created_at limit ?`,
    [since('operations'), limit],
  );
  const ids = (rows: { id: string }[]) => rows.map((row) => row.id);
  return {
    ingest: ingest.rows,
    embed: embed.rows,
    answers: ids(answers.rows),
    operations: ids(operations.rows),
  };
}

/**
 * Ends the leases of every worker: only for a tier where this process is the only one, at its start. What a killed
 * process held is then free at once instead of when its lease runs out.
 */
export async function endAllLeases(db: Db): Promise<void> {
  await db('document_versions')
    .where('status', 'parsing')
    .update({ status: 'queued', lease_token: null, lease_until: null });
  await db('chunks').whereNotNull('embed_until').update({ embed_token: null, embed_until: null });
  await db('answers')
    .where('status', 'in_progress')
    .update({ status: 'queued', lease_token: null, lease_until: null });
  for (const table of ['operations', 'evaluations'])
    await db(table)
      .where('status', 'in_progress')
      .update({ status: 'queued', lease_token: null, lease_until: null });
  await db('embedding_generations')
    .whereNotNull('lease_until')
    .update({ lease_token: null, lease_until: null, updated_at: db.raw(`now() - interval '1 hour'`) });
}
