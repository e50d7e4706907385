import type { Sums } from '../rollouts/means.ts';
import type { ArmReading, Readings, ServiceReading } from '../rollouts/readings.ts';
import type { Db } from './connect.ts';
import { heartbeatMs } from './heartbeats.ts';
import type { RolloutRow } from './rollouts.ts';

const sums = (value: string, where: string, name: string): string => `
  count(${value}) filter (where ${where})::int as ${name}_n,
  coalesce(sum(${value}) filter (where ${where}), 0)::double precision as ${name}_sum,
  coalesce(sum(${value} * ${value}) filter (where ${where}), 0)::double precision as ${name}_squares`;

/** Answers of an arm, summed up: what a gate can ask about in one pass over them. */
const statement = `
  with seen as (
    select o.*, f.rating, (o.status is null and o.assigned_at < now() - :overdue * interval '1 second') as overdue,
           extract(epoch from now() - o.assigned_at) * 1000 as age
      from rollout_observations o
      left join lateral (select avg(rating)::double precision as rating from feedback where answer_id = o.answer_id) f on true
     where o.rollout_id = :id and (o.stage = :stage or (:earlier and o.arm = 'control' and o.stage < :stage))),
  told as (
    select *, (status in ('failed', 'expired') or overdue) as bad,
           coalesce(status in ('completed', 'failed', 'expired'), overdue) as decided,
           -- of one under way the least that it will have taken
           coalesce(ms, case when overdue then age end) as known_ms,
           coalesce(total_ms, case when overdue then age end) as known_total_ms
      from seen),
  valued as (
    select *, coalesce(rating, case when bad then 0 when not abstained then support end) as quality,
           ln(greatest(known_ms, 1)) as log_ms, confidence * (not abstained)::int as sure
      from told)
  select arm, count(*)::int as exposures, count(*) filter (where status is null and not overdue)::int as pending,
    count(*) filter (where decided)::int as decided, count(*) filter (where bad)::int as errors,
    count(*) filter (where status = 'completed')::int as completed,
    count(*) filter (where status = 'completed' and degraded)::int as degraded,
    count(*) filter (where status = 'completed' and not abstained)::int as answered,
    ${sums('known_ms', 'decided and cached is not true', 'latency')},
    ${sums('log_ms', 'decided and cached is not true and known_ms is not null', 'log')},
    ${sums('support', 'decided and cached is not true', 'support')},
    ${sums('sure', 'decided and not abstained and cached is not true', 'confidence')},
    ${sums('rating', 'decided', 'feedback')},
    ${sums('quality', 'decided and cached is not true', 'quality')},
    count(known_total_ms) filter (where decided)::int as timed,
    count(*) filter (where decided and known_total_ms > :limit)::int as over,
    percentile_cont(0.95) within group (order by known_total_ms) filter (where decided) as p95
    from valued group by arm`;

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

/** The share that experiences take is that of their rows: an index or a page half empty says nothing of the buffer. */
const service = `
  select (select max(rss_bytes) / 1048576.0 from worker_heartbeats
           where beat_at > now() - interval '${(heartbeatMs * 3) / 1000} seconds')::double precision as memory_mb,
         (select count(*)::int from experiences) as buffer_size,
         (select coalesce(sum(pg_column_size(e.*)), 0) / 1048576.0 from experiences e)::double precision as buffer_mb,
         (select count(distinct state)::int from experiences) as learning_states`;

/** The newest result of an evaluation of that name, before and since. */
const golden = `
  select (result->'strategies'->'hybrid'->>'ndcg@10')::double precision as ndcg from evaluations
   where name = 'golden' and status = 'completed'`;

async function readService(
  db: Db,
  { plan, stage, created_at, stage_started_at }: RolloutRow,
): Promise<ServiceReading> {
  const asked = new Set(plan.stages[stage]?.gates.map(({ metric }) => metric));
  const nothing = { memory_mb: null, buffer_size: null, buffer_mb: null, learning_states: null };
  const reading: ServiceReading = { ...nothing, golden_ndcg: null };
  if (Object.keys(nothing).some((metric) => asked.has(metric as keyof typeof nothing)))
    Object.assign(reading, (await db.raw(service)).rows[0]);
  if (asked.has('golden_ndcg')) {
    const newest = async (where: string, at: Date): Promise<number | undefined> =>
      (await db.raw(`${golden} and ${where} order by completed_at desc limit 1`, [at])).rows[0]?.ndcg;
    const before = await newest('completed_at < ?', created_at);
    const since = await newest('created_at >= ?', stage_started_at);
    if (before && since !== undefined) reading.golden_ndcg = since / before - 1;
  }
  return reading;
}
