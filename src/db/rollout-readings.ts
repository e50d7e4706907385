import type { Sums } from '../rollouts/means.ts';
import type { ArmReading, Readings, ServiceReading } from '../rollouts/readings.ts';
import type { Db } from './connect.ts';
import { heartbeatMs } from './heartbeats.ts';
import {
  aggregates,
  partsOf,
  sumColumns,
  sumsOf,
  toldColumns,
  unratedWorth,
  valuedColumns,
} from './rollout-sums.ts';
import type { RolloutRow } from './rollouts.ts';

/** What all parts of a reading have, so that they can be added up. */
const columns = ['pending', ...sumColumns, ...partsOf('feedback'), 'over'];
const nothingBut = (known: Record<string, string>): string =>
  columns.map((name) => `${known[name] ?? '0'} as ${name}`).join(', ');
const inStage = (row: string): string =>
  `${row}.rollout_id = :id and (${row}.stage = :stage or (:earlier and ${row}.arm = 'control' and ${row}.stage < :stage))`;
const itself = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));

/** Those that have not ended and those that ended since the last fold. */
const fresh = `
  seen as (
    select o.*, f.rating, (o.status is null and o.assigned_at < now() - :overdue * interval '1 second') as overdue,
           extract(epoch from now() - o.assigned_at) * 1000 as age
      from rollout_observations o
      left join lateral (
        select avg(rating)::double precision as rating from feedback where answer_id = o.answer_id) f on o.rated
     where ${inStage('o')} and not o.folded),
  told as (select ${toldColumns} from seen),
  valued as (select ${valuedColumns} from told),
  fresh as (
    select arm, count(*) filter (where status is null and not overdue)::int as pending, ${aggregates},
           ${sumsOf('rating', 'decided', 'feedback')},
           count(*) filter (where decided and known_total_ms > :limit)::int as over
      from valued group by arm)`;

/** What ratings change of what is folded: an answer is worth its rating, in place of what it was worth without. */
const rated = `
  rated as (
    select o.arm, f.rating, o.cached is not true as measured, base.worth
      from rollout_observations o
     cross join lateral (
        select avg(rating)::double precision as rating from feedback where answer_id = o.answer_id) f
     cross join lateral (
        select ${unratedWorth} as worth from (select o.status in ('failed', 'expired') as bad, o.abstained, o.support) u) base
     where ${inStage('o')} and o.folded and o.rated and o.status <> 'cancelled' and f.rating is not null),
  corrected as (
    select arm, ${sumsOf('rating', 'true', 'feedback')},
           coalesce(sum((worth is null)::int) filter (where measured), 0)::int as quality_n,
           coalesce(sum(rating - coalesce(worth, 0)) filter (where measured), 0) as quality_sum,
           coalesce(sum(rating * rating - coalesce(worth * worth, 0)) filter (where measured), 0) as quality_squares
      from rated group by arm)`;

/** Of what is folded, those that took longest: a little more than the twentieth that the 95th percentile is among. */
const slowest = (columns: string, order: string): string => `
  select s.arm, t.${columns} from folded s cross join lateral (
    select total_ms from rollout_observations o
     where o.rollout_id = :id and o.stage = s.stage and o.arm = s.arm
       and o.folded and o.total_ms is not null and o.status <> 'cancelled' ${order}) t`;

/**
 * Answers of an arm, summed up: what a gate can ask about. It reads the sums, what they do not have yet, and of the rest what the
 * 95th percentile needs. In one statement, because a fold between two would be counted twice or not at all.
 */
const statement = `
  with folded as (select * from rollout_sums s where ${inStage('s')}),
  ${fresh}, ${rated},
  parts as (
    select arm, ${nothingBut(itself(columns))} from fresh
    union all select arm, ${nothingBut(itself(sumColumns))} from folded
    union all select arm, ${nothingBut(itself([...partsOf('quality'), ...partsOf('feedback')]))} from corrected
    union all select arm, ${nothingBut({ over: '1' })} from (${slowest('total_ms', 'and o.total_ms > :limit')}) long),
  whole as (select arm, ${columns.map((name) => `sum(${name})::double precision as ${name}`).join(', ')} from parts group by arm),
  top as (
    select arm, total_ms, row_number() over (partition by arm order by total_ms desc) - 1 as n from (
      ${slowest('total_ms', `order by o.total_ms desc limit (select (ceil(timed / 20) + 2)::bigint from whole w where w.arm = s.arm)`)}
      union all select arm, known_total_ms from valued where decided and known_total_ms is not null) of_all)
  select w.*, (
    -- between the two that lie around it, as percentile_cont has it
    select sum(t.total_ms * (1 - abs(t.n - (w.timed - 1) / 20))) from top t
     where t.arm = w.arm and abs(t.n - (w.timed - 1) / 20) < 1) as p95
    from whole w`;

interface Row extends Record<string, unknown> {
  arm: 'treatment' | 'control';
}

const read = (row: Row | undefined, name: string): number => Number(row?.[name] ?? 0);

function toArm(row: Row | undefined): ArmReading {
  const part = (name: string): Sums => ({
    n: read(row, `${name}_n`),
    sum: read(row, `${name}_sum`),
    squares: read(row, `${name}_squares`),
  });
  return {
    exposures: read(row, 'exposures'),
    pending: read(row, 'pending'),
    decided: read(row, 'decided'),
    errors: read(row, 'errors'),
    completed: read(row, 'completed'),
    degraded: read(row, 'degraded'),
    answered: read(row, 'answered'),
    latency: part('latency'),
    logLatency: part('log'),
    support: part('support'),
    confidence: part('confidence'),
    feedback: part('feedback'),
    quality: part('quality'),
    timed: read(row, 'timed'),
    overLimit: read(row, 'over'),
    p95Ms: typeof row?.p95 === 'number' ? row.p95 : null,
  };
}

/** What was observed of the rollout's present stage, and how the service is. */
export async function readRollout(db: Db, rollout: RolloutRow): Promise<Readings> {
  const { plan, stage, tested, expected, minutes } = rollout;
  const shares = tested.map((flag) => (expected[flag]?.enabled ? expected[flag].rollout_percent : 0));
  const everybody = shares.every((percent) => percent === 100);
  const limit = plan.stages[stage]?.gates.find(({ metric }) => metric === 'p95_ms')?.at_most;
  const { rows }: { rows: Row[] } = await db.raw(statement, {
    ...{ id: rollout.id, stage, overdue: plan.overdue_seconds, earlier: everybody },
    limit: limit ?? Number.MAX_SAFE_INTEGER,
  });
  const of = (arm: Row['arm']) => toArm(rows.find((row) => row.arm === arm));
  return {
    treatment: of('treatment'),
    control: of('control'),
    concurrent: !everybody,
    baseline: shares.every((percent) => percent === 0),
    minutes,
    service: await readService(db, rollout),
  };
}

/** A batch that is not learned so long after it was planned has failed: what was lost is found each minute. */
const batchSeconds = 180;

/** The share that experiences take is that of their rows: an index or a page half empty says nothing of the buffer. */
const service = `
  select (select max(rss_bytes) / 1048576.0 from (
            select rss_bytes, beat_at from worker_heartbeats union all select rss_bytes, beat_at from api_heartbeats) p
           where beat_at > now() - interval '${(heartbeatMs * 3) / 1000} seconds')::double precision as memory_mb,
         (select count(*)::int from experiences) as buffer_size,
         (select coalesce(sum(pg_column_size(e.*)), 0) / 1048576.0 from experiences e)::double precision as buffer_mb,
         (select count(distinct state)::int from experiences) as learning_states,
         (select avg((learned_at is not null)::int)::double precision from learning_batches
           where planned_at >= :since
             and (learned_at is not null or planned_at < now() - interval '${batchSeconds} seconds')) as batch_success`;

/** The newest result of an evaluation of that name, before and since. */
const golden = `
  select (result->'strategies'->'hybrid'->>'ndcg@10')::double precision as ndcg from evaluations
   where name = 'golden' and status = 'completed'`;

async function readService(
  db: Db,
  { plan, stage, created_at, stage_started_at }: RolloutRow,
): Promise<ServiceReading> {
  const asked = new Set(plan.stages[stage]?.gates.map(({ metric }) => metric));
  const nothing = {
    ...{ memory_mb: null, buffer_size: null, buffer_mb: null, learning_states: null },
    batch_success: null,
  };
  const reading: ServiceReading = { ...nothing, golden_ndcg: null };
  if (Object.keys(nothing).some((metric) => asked.has(metric as keyof typeof nothing)))
    Object.assign(reading, (await db.raw(service, { since: stage_started_at })).rows[0]);
  if (asked.has('golden_ndcg')) {
    const newest = async (where: string, at: Date): Promise<number | undefined> =>
      (await db.raw(`${golden} and ${where} order by completed_at desc limit 1`, [at])).rows[0]?.ndcg;
    const before = await newest('completed_at < ?', created_at);
    const since = await newest('created_at >= ?', stage_started_at);
    if (before && since !== undefined) reading.golden_ndcg = since / before - 1;
  }
  return reading;
}
