import type { Db } from './connect.ts';

/** Numbers of `rollout_sums`: how many observations something is true of. */
export const countNames = [
  'exposures',
  'decided',
  'errors',
  'completed',
  'degraded',
  'answered',
  'timed',
] as const;
/** Values of which it has number, sum and sum of squares. */
export const valueNames = ['latency', 'log', 'support', 'confidence', 'quality'] as const;

export const partsOf = (name: string): string[] => [`${name}_n`, `${name}_sum`, `${name}_squares`];

/** Columns of `rollout_sums` beside its key. */
export const sumColumns = [...countNames, ...valueNames.flatMap(partsOf)];

export const sumsOf = (value: string, where: string, name: string): string => `
  count(${value}) filter (where ${where})::int as ${name}_n,
  coalesce(sum(${value}) filter (where ${where}), 0)::double precision as ${name}_sum,
  coalesce(sum(${value} * ${value}) filter (where ${where}), 0)::double precision as ${name}_squares`;

/** An answer given again from the cache says nothing of time and worth. */
const measured = 'decided and cached is not true';

/** Of rows as `toldColumns` and `valuedColumns` leave them: every column of `rollout_sums`. */
export const aggregates = `count(*)::int as exposures, count(*) filter (where decided)::int as decided,
    count(*) filter (where bad)::int as errors, count(*) filter (where status = 'completed')::int as completed,
    count(*) filter (where status = 'completed' and degraded)::int as degraded,
    count(*) filter (where status = 'completed' and not abstained)::int as answered,
    count(known_total_ms) filter (where decided)::int as timed,
    ${sumsOf('known_ms', measured, 'latency')},
    ${sumsOf('log_ms', `${measured} and known_ms is not null`, 'log')},
    ${sumsOf('support', measured, 'support')},
    ${sumsOf('sure', `${measured} and not abstained`, 'confidence')},
    ${sumsOf('quality', measured, 'quality')}`;

/** What an answer is worth that nobody has rated. */
export const unratedWorth = 'case when bad then 0 when not abstained then support end';

/** Of observations with `overdue`, `age` (ms) and `rating`. */
export const toldColumns = `*, (status in ('failed', 'expired') or overdue) as bad,
    coalesce(status in ('completed', 'failed', 'expired'), overdue) as decided,
    -- of one under way the least that it will have taken
    coalesce(ms, case when overdue then age end) as known_ms,
    coalesce(total_ms, case when overdue then age end) as known_total_ms`;

export const valuedColumns = `*, coalesce(rating, ${unratedWorth}) as quality,
    ln(greatest(known_ms, 1)) as log_ms, confidence * (not abstained)::int as sure`;

/** Observations that one statement folds: some tenths of a second where there are so many. */
const perFold = 20_000;

const fold = `
  with picked as (
    select answer_id from rollout_observations
     where rollout_id = :id and not folded and status is not null limit ${perFold} for update skip locked),
  taken as (
    update rollout_observations o set folded = true from picked p
     where o.answer_id = p.answer_id and o.rollout_id = :id returning o.*),
  told as (
    select ${toldColumns}
      from (select *, false as overdue, null::double precision as age, null::double precision as rating from taken) t),
  valued as (select ${valuedColumns} from told)
  insert into rollout_sums (rollout_id, stage, arm, ${sumColumns.join(', ')})
  select :id::uuid, stage, arm, ${aggregates} from valued group by stage, arm order by stage, arm
  on conflict (rollout_id, stage, arm) do update
     set ${sumColumns.map((name) => `${name} = rollout_sums.${name} + excluded.${name}`).join(', ')}
  returning exposures`;

/**
 * Adds the observations that have ended since to the sums of their arms, each once: in one statement, so whoever reads sums and
 * the rest in one statement sees it in one of both. Nobody who ends an answer waits for a row that others write, too.
 */
export async function foldObservations(db: Db, rolloutId: string): Promise<void> {
  for (;;) {
    const { rows } = await db.raw(fold, { id: rolloutId });
    if (rows.length === 0) return;
  }
}
