import type { Knex } from 'knex';
import type { Db } from './connect.ts';

/** The newest experiences that statistics are computed over; older ones are removed. */
export const bufferSize = 10_000;

/**
 * What a policy learns from: state and action of a finished answer and how well it went, 0…1. No question text and nothing
 * personal. `source` is `answer`, or `feedback:<key id>` so that replacing a feedback replaces its experience.
 */
export interface NewExperience {
  answerId: string;
  source: string;
  state: Record<string, string | number | boolean | null>;
  action: string;
  propensity: number;
  reward: number;
  rewardParts: Record<string, number | null>;
}

export async function recordExperience(db: Db, experience: NewExperience): Promise<void> {
  const row = {
    answer_id: experience.answerId,
    source: experience.source,
    state: JSON.stringify(experience.state),
    action: experience.action,
    propensity: experience.propensity,
    reward: experience.reward,
    reward_parts: JSON.stringify(experience.rewardParts),
    learned_at: null,
  };
  await db('experiences').insert(row).onConflict(['answer_id', 'source']).merge();
}

export async function findExperience(
  db: Db,
  answerId: string,
  source: string,
): Promise<{ state: NewExperience['state']; action: string; propensity: number } | undefined> {
  return db('experiences').where({ answer_id: answerId, source }).first('state', 'action', 'propensity');
}

/**
 * Recomputes the statistics of every strategy from the experience rows, and marks what it read. Computed anew rather than
 * added up: running twice, or after a crash, gives the same numbers. Returns how many experiences were new.
 */
export async function learn(db: Knex): Promise<{ learned: number; removed: number }> {
  return db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(?)', [learnLock]);
    const removed = await trx.raw(
      `delete from experiences where id <= (select max(id) from experiences) - ?
      and id not in (select id from experiences order by id desc limit ?)`,
      [bufferSize, bufferSize],
    );
    const { rowCount } = await trx.raw('update experiences set learned_at = now() where learned_at is null');
    if (rowCount || removed.rowCount) await computeStatistics(trx);
    return { learned: rowCount ?? 0, removed: removed.rowCount ?? 0 };
  });
}

/** One learner at a time; the number only has to be ours. */
const learnLock = 4_207_001;

async function computeStatistics(trx: Knex.Transaction): Promise<void> {
  await trx('strategy_statistics').delete();
  await trx.raw(`
    with e as (
      select id, action, case when source = 'answer' then 'answer' else 'feedback' end as source, reward, reward_parts
        from experiences where learned_at is not null),
    parts as (
      select action, source, jsonb_object_agg(part, round(mean::numeric, 4)) as parts_mean from (
        select e.action, e.source, p.key as part, avg((p.value)::text::double precision) as mean
          from e cross join lateral jsonb_each(e.reward_parts) p where jsonb_typeof(p.value) = 'number'
         group by 1, 2, 3) m group by 1, 2)
    insert into strategy_statistics (action, source, experiences, reward_mean, reward_sd, parts_mean)
    select e.action, e.source, count(*), avg(e.reward), coalesce(stddev_samp(e.reward), 0), coalesce(max(p.parts_mean::text)::jsonb, '{}')
      from e left join parts p on p.action = e.action and p.source = e.source group by e.action, e.source`);
}

export interface Learning {
  buffer: { size: number; capacity: number; pending: number; oldest: Date | null; newest: Date | null };
  states: number;
  strategies: {
    action: string;
    source: 'answer' | 'feedback';
    experiences: number;
    reward_mean: number;
    reward_sd: number;
    parts_mean: Record<string, number>;
    updated_at: Date;
  }[];
}

export async function readLearning(db: Db): Promise<Learning> {
  const { rows } = await db.raw(`
    select count(*)::int as size, count(*) filter (where learned_at is null)::int as pending,
           min(created_at) as oldest, max(created_at) as newest, count(distinct state)::int as states from experiences`);
  const { states, ...buffer } = rows[0];
  const strategies = await db('strategy_statistics').orderBy(['action', 'source']).select('*');
  return { buffer: { ...buffer, capacity: bufferSize }, states, strategies };
}
