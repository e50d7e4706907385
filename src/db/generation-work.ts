import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { ErrorSummary } from '../errors.ts';
import type { Db } from './connect.ts';
import type { ClaimedChunks } from './embeddings.ts';
import { type Comparison, type GenerationRow, keptStatuses } from './generations.ts';
import { leaseLost, leaseUntil } from './lease.ts';

/** Live chunks without a vector of the model. */
const missing = `from chunks c left join chunk_vectors x on x.chunk_seq = c.seq and x.model = ? where c.live and x.chunk_seq is null`;

/**
 * Takes the next live chunks beyond `after` (a seq) that have no vector of the generation and that nobody is embedding. None
 * once the generation is not kept any more.
 */
export async function claimMissing(
  db: Db,
  model: string,
  after: number,
  limit: number,
): Promise<ClaimedChunks> {
  const token = randomUUID();
  const { rows } = await db.raw(
    `with mine as (
       select c.seq ${missing} and c.seq > ? and (c.embed_until is null or c.embed_until < now())
          and exists (select from embedding_generations g where g.model = ? and g.status in ${keptStatuses})
        order by c.seq limit ? for update of c skip locked)
     update chunks c set embed_token = ?, embed_until = ${leaseUntil} from mine, document_versions v
      where c.seq = mine.seq and v.document_id = c.document_id and v.version = c.version
     returning c.seq, c.document_id as "documentId", c.version, c.n, c.heading, c.context, c.text,
               coalesce(v.attributes->>'title', v.found->>'title') as title`,
    [model, after, model, limit, token],
  );
  rows.sort((a: { seq: number }, b: { seq: number }) => a.seq - b.seq);
  return { token, chunks: rows };
}

export async function countMissing(db: Db, model: string): Promise<number> {
  const { rows } = await db.raw(`select count(*)::int as n ${missing}`, [model]);
  return rows[0].n;
}

/** Says that the building goes on, and that what stopped it has passed. */
export async function touchGeneration(db: Db, model: string): Promise<void> {
  await db('embedding_generations')
    .where({ model })
    .whereRaw(`(status = 'building' and updated_at < now() - interval '3 seconds' or error is not null)`)
    .update({ updated_at: db.fn.now(), error: null });
}

/**
 * Ends the building once every live chunk has its vector; whoever makes a version live meanwhile waits, so none slips through.
 * False while one is missing or when it has ended already.
 */
export async function endBuilding(db: Knex, id: string): Promise<boolean> {
  return db.transaction(async (trx) => {
    const row = await trx('embedding_generations').where({ id, status: 'building' }).forUpdate().first();
    if (!row || (await countMissing(trx, row.model)) > 0) return false;
    await trx('embedding_generations')
      .where({ id })
      .update({ status: 'comparing', error: null, built_at: trx.fn.now(), updated_at: trx.fn.now() });
    return true;
  });
}

/** Takes a generation that waits to be compared or to be taken away. Undefined: somebody else has it, or it is past that. */
export async function claimGeneration(
  db: Db,
  id: string,
  status: 'comparing' | 'reclaiming',
): Promise<(GenerationRow & { token: string }) | undefined> {
  const token = randomUUID();
  const { rows } = await db.raw(
    `update embedding_generations set lease_token = ?, lease_until = ${leaseUntil}, updated_at = now()
      where id = ? and status = ? and (lease_until is null or lease_until < now()) returning *`,
    [token, id, status],
  );
  return rows[0] && { ...rows[0], token };
}

export async function releaseGeneration(db: Db, token: string): Promise<void> {
  await db('embedding_generations')
    .where('lease_token', token)
    .update({ lease_token: null, lease_until: null });
}

/** Stores how the generation compares: from now on it can be switched to. Throws `lease_lost` when fenced off. */
export async function storeComparison(db: Db, token: string, comparison: Comparison | null): Promise<void> {
  const stored = await db('embedding_generations')
    .where({ lease_token: token, status: 'comparing' })
    .update({
      status: 'ready',
      comparison: JSON.stringify(comparison),
      error: null,
      ...{ lease_token: null, lease_until: null, updated_at: db.fn.now() },
    });
  if (stored === 0) throw leaseLost();
}

/** Makes a generation ready that could not be compared, with the reason. */
export async function skipComparison(db: Db, id: string, error: ErrorSummary): Promise<void> {
  await db('embedding_generations')
    .where({ id, status: 'comparing' })
    .update({
      status: 'ready',
      error: JSON.stringify(error),
      ...{ lease_token: null, lease_until: null, updated_at: db.fn.now() },
    });
}

/**
 * Notes why it does not go on. What may pass leaves it as it is, to be tried again later; what can't ends the building. A
 * generation that is used, or was built, stays usable.
 */
export async function noteFailure(db: Db, id: string, error: ErrorSummary): Promise<void> {
  const passes = error.retryable || error.code === 'gave_up';
  await db('embedding_generations')
    .where({ id })
    .whereNotIn('status', ['comparing', 'failed', 'reclaimed'])
    .update({
      error: JSON.stringify(error),
      updated_at: db.fn.now(),
      ...(passes ? {} : { status: db.raw(`case status when 'building' then 'failed' else status end`) }),
    });
}

/** Deletes up to `limit` vectors of a generation that is being taken away; returns how many there were. */
export async function reclaimVectors(db: Knex, token: string, limit: number): Promise<number> {
  const { rows } = await db.raw(
    `with mine as (select id, model from embedding_generations where lease_token = ? and status = 'reclaiming' for update),
          taken as (select x.model, x.chunk_seq from chunk_vectors x join mine on mine.model = x.model limit ?),
          gone as (delete from chunk_vectors x using taken where x.model = taken.model and x.chunk_seq = taken.chunk_seq returning 1)
     update embedding_generations g set vectors_reclaimed = vectors_reclaimed + (select count(*) from gone), updated_at = now()
       from mine where g.id = mine.id returning (select count(*)::int from gone) as gone`,
    [token, limit],
  );
  if (rows.length === 0) throw leaseLost();
  return rows[0].gone;
}

/** The end of a generation none of whose vectors is left. Throws `lease_lost` when fenced off or when one is. */
export async function endReclaiming(db: Db, token: string): Promise<void> {
  const { rowCount } = await db.raw(
    `update embedding_generations g set status = 'reclaimed', error = null, lease_token = null, lease_until = null, updated_at = now()
      where lease_token = ? and status = 'reclaiming' and not exists (select from chunk_vectors x where x.model = g.model)`,
    [token],
  );
  if (rowCount === 0) throw leaseLost();
}

/** Nobody asks the generation's model for so long; the error is shown meanwhile. */
export async function noteWait(db: Db, id: string, seconds: number, error: ErrorSummary): Promise<void> {
  await db('embedding_generations')
    .where({ id })
    .update({
      wait_until: db.raw(`now() + ? * interval '1 second'`, [seconds]),
      error: JSON.stringify(error),
      updated_at: db.fn.now(),
    });
}

/** Milliseconds for which the generation's model is to be left alone; 0 when it may be asked. */
export async function waitLeft(db: Db, id: string): Promise<number> {
  const { rows } = await db.raw(
    `select coalesce(greatest(0, ceil(extract(epoch from wait_until - clock_timestamp()) * 1000)), 0)::int as ms
       from embedding_generations where id = ?`,
    [id],
  );
  return rows[0]?.ms ?? 0;
}

/** Generations with work that nobody does: standing still, or complete once and lacking vectors now. */
export interface LostGenerations {
  build: string[];
  compare: string[];
  reclaim: string[];
}

/** Without a sign of life for so long, work on a generation counts as lost. */
const patience = `interval '20 seconds'`;
/** A model that was given up on is not asked again for so long. */
const patienceAfterFailure = `interval '1 minute'`;

export async function findLostGenerations(db: Db): Promise<LostGenerations> {
  const { rows } = await db.raw(
    `select id, case status when 'comparing' then 'compare' when 'reclaiming' then 'reclaim' else 'build' end as kind
       from embedding_generations g
      where (wait_until is null or wait_until < now()) and ((status in ('building', 'comparing', 'reclaiming')
             and updated_at < now() - case when error is null then ${patience} else ${patienceAfterFailure} end
             and (lease_until is null or lease_until < now()))
         or (status in ('ready', 'live', 'standby') and (error is null or updated_at < now() - ${patienceAfterFailure}) and exists (
              select from chunks c left join chunk_vectors x on x.chunk_seq = c.seq and x.model = g.model
               where c.live and x.chunk_seq is null and (c.embed_until is null or c.embed_until < now()))))`,
  );
  const ids = (kind: string) =>
    rows.filter((row: { kind: string }) => row.kind === kind).map((row: { id: string }) => row.id);
  return { build: ids('build'), compare: ids('compare'), reclaim: ids('reclaim') };
}
