import type { Db } from './connect.ts';

/** An unfinished row that may have lost its job. */
export interface Suspect {
  /** Its worker's lease has ended; otherwise it has waited longer than the patience, maybe because there is much to do. */
  ended: boolean;
}

export interface SuspectVersion extends Suspect {
  documentId: string;
  version: number;
  chunks: number;
}

/** Unfinished rows by what should be nudged for them. */
export interface Suspects {
  ingest: SuspectVersion[];
  embed: SuspectVersion[];
  answers: (Suspect & { id: string; priority: number })[];
  operations: (Suspect & { id: string })[];
}

/** Most rows of a kind that one run brings back; the next run takes the next ones. */
const limit = 50_000;

/**
 * Rows that have waited for a worker longer than `patienceSeconds`, or whose lease ran out, oldest first. Nudging one that
 * still has its job is harmless: the job is not added twice, and a second delivery finds nothing to claim.
 */
export async function findSuspects(db: Db, patienceSeconds: number): Promise<Suspects> {
  const since = `${patienceSeconds} seconds`;
  const version = `document_id as "documentId", version, chunk_count as chunks`;
  const ingest = await db.raw(
    `select ${version}, status = 'parsing' as ended from document_versions
      where (status = 'queued' and updated_at < now() - ?::interval) or (status = 'parsing' and lease_until < now())
      order by queued_at limit ?`,
    [since, limit],
  );
  // What a live version lacks, of whichever model, is the generations' to find.
  const embed = await db.raw(
    `select ${version}, coalesce(claims.ended, false) as ended
       from document_versions v cross join lateral (
         select bool_or(c.embed_until < now()) as ended, bool_or(c.embed_until >= now()) as held
           from chunks c left join chunk_vectors x on x.chunk_seq = c.seq and x.model = (select model from embedding_generations where status = 'live')
          where c.document_id = v.document_id and c.version = v.version and x.chunk_seq is null) as claims
      where v.status = 'embedding' and (claims.ended or (v.updated_at < now() - ?::interval and claims.held is not true))
      order by v.queued_at limit ?`,
    [since, limit],
  );
  const answers = await db.raw(
    `select id, priority, status = 'in_progress' as ended from answers
      where (status = 'queued' and created_at < now() - ?::interval and deadline_at > now()) or (status = 'in_progress' and lease_until < now())
      order by created_at limit ?`,
    [since, limit],
  );
  const operations = await db.raw(
    `select id, status = 'in_progress' as ended from operations
      where (status = 'queued' and created_at < now() - ?::interval) or (status = 'in_progress' and lease_until < now())
      order by created_at limit ?`,
    [since, limit],
  );
  return {
    ingest: ingest.rows,
    embed: embed.rows,
    answers: answers.rows,
    operations: operations.rows,
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
  await db('webhook_deliveries')
    .where('status', 'pending')
    .update({ lease_token: null, lease_until: null, nudged_at: null });
  await db('embedding_generations')
    .whereNotNull('lease_until')
    .update({ lease_token: null, lease_until: null, updated_at: db.raw(`now() - interval '1 hour'`) });
}
