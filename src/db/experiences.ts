import type { Db } from './connect.ts';

/** Ratings of one caller that are learned from in a day; further ones are kept as feedback alone. */
const ratingsPerCaller = 50;

/**
 * What a policy learns from: the state that it could know, the action, and how well that went, 0…1. No question text and
 * nothing personal. `source` is `answer`, or `feedback:<key id>` so that replacing a feedback replaces its experience.
 */
export interface NewExperience {
  answerId: string;
  source: string;
  /** Stable key of a state: src/learning/policy.ts. */
  state: string;
  action: string;
  /** The version that chose; null: hybrid, because none was asked. */
  policyVersion: number | null;
  /** With which the action was chosen. */
  propensity: number;
  reward: number;
  rewardParts: Record<string, number | null>;
}

/**
 * SQL of two parts of a statement, behind `with`: `experienced` adds one for the answer that `given` names by `id`, or gives it
 * another reward, which is then learned in the place of the earlier one; `forgotten` removes the oldest beyond the capacity: ids
 * rise with age, so no more can have one of the newest `capacity` ids. It waits for no row that somebody else holds.
 */
export const insertExperience = (given: string, allowed = 'true'): string =>
  `experienced as (
     insert into experiences (answer_id, source, state, action, policy_version, propensity, reward, reward_parts)
     select id, :source, :state, :action, :policyVersion::int, :propensity::real, :reward::real, :rewardParts::jsonb
       from ${given} where ${allowed}
     on conflict (answer_id, source) do update
        set reward = excluded.reward, reward_parts = excluded.reward_parts,
            batch = case when experiences.learned_at is null then experiences.batch end, learned_at = null
     returning id),
   forgotten as (
     delete from experiences where id in (
       select id from experiences where id <= (select id from experienced) - :capacity order by id limit 100
          for update skip locked))`;

/** Bindings of `insertExperience`. */
export function experienceBindings(
  { answerId: _, rewardParts, ...experience }: NewExperience,
  capacity: number,
) {
  return { ...experience, rewardParts: JSON.stringify(rewardParts), capacity };
}

/** Whether the database refused a statement for what it says (SQLSTATE 22, 23, 42), not for the moment that it came in. */
export function isRefused(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^(22|23|42)/.test(code);
}

const ratedLittle = `(
  select count(*) from experiences
   where source = :source and source <> 'answer' and created_at > now() - interval '1 day' and answer_id <> :answerId::uuid) < :most`;

/** Adds that of a rating, or replaces it. False: the caller has rated enough for a day. */
export async function addExperience(db: Db, experience: NewExperience, capacity: number): Promise<boolean> {
  const { answerId, source } = experience;
  const given = '(select :answerId::uuid as id) given';
  const { rows } = await db.raw(
    `with ${insertExperience(given, source === 'answer' ? 'true' : ratedLittle)} select id from experienced`,
    { ...experienceBindings(experience, capacity), answerId, most: ratingsPerCaller },
  );
  return rows.length > 0;
}

/** What was decided for an answer; undefined where nothing is learned from it, or not any more. */
export async function findDecided(
  db: Db,
  answerId: string,
): Promise<Pick<NewExperience, 'state' | 'action' | 'policyVersion' | 'propensity'> | undefined> {
  const where = { answer_id: answerId, source: 'answer' };
  return db('experiences')
    .where(where)
    .first('state', 'action', 'policy_version as policyVersion', 'propensity');
}

export interface Learning {
  buffer: {
    size: number;
    /** Not learned yet. */
    pending: number;
    oldest: Date | null;
    newest: Date | null;
    /** Of the table with its indexes. */
    bytes: number;
  };
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

/** The buffer, and what its experiences say of each action. Read from the rows, of which there are few. */
export async function readLearning(db: Db): Promise<Learning> {
  const { rows } = await db.raw(`
    select count(*)::int as size, count(*) filter (where learned_at is null)::int as pending,
           min(created_at) as oldest, max(created_at) as newest, count(distinct state)::int as states,
           pg_total_relation_size('experiences')::int as bytes from experiences`);
  const { states, ...buffer } = rows[0];
  return { buffer, states, strategies: await readStrategies(db) };
}

async function readStrategies(db: Db): Promise<Learning['strategies']> {
  const { rows } = await db.raw(`
    with e as (
      select action, case when source = 'answer' then 'answer' else 'feedback' end as source, reward, reward_parts, created_at
        from experiences),
    parts as (
      select action, source, jsonb_object_agg(part, round(mean::numeric, 4)) as parts_mean from (
        select e.action, e.source, p.key as part, avg((p.value)::text::double precision) as mean
          from e cross join lateral jsonb_each(e.reward_parts) p where jsonb_typeof(p.value) = 'number'
         group by 1, 2, 3) m group by 1, 2)
    select e.action, e.source, count(*)::int as experiences, avg(e.reward) as reward_mean,
           coalesce(stddev_samp(e.reward), 0) as reward_sd, coalesce(max(p.parts_mean::text)::jsonb, '{}') as parts_mean,
           max(e.created_at) as updated_at
      from e left join parts p on p.action = e.action and p.source = e.source
     group by e.action, e.source order by e.action, e.source`);
  return rows;
}

export interface StoredExperience {
  state: string;
  action: string;
  propensity: number;
  reward: number;
  /** With which it was learned before; null: it was not. */
  replaces: number | null;
}

/** Most experiences that estimates are made from: the newest. */
const mostRead = 10_000;

/**
 * The buffer, oldest first, for estimates. `source` answer: what answers measured themselves; all: ratings too. With a version,
 * those that it has not learned.
 */
export async function readExperiences(
  db: Db,
  source: 'answer' | 'all',
  version?: number,
): Promise<StoredExperience[]> {
  const { rows } = await db.raw(
    `select * from (
       select id, state, action, propensity, reward, null as replaces from experiences
        where (:all or source = 'answer') and (learned_version is null or learned_version > :version)
        order by id desc limit ${mostRead}) newest order by id`,
    // Without a version none is left out.
    { all: source === 'all', version: version ?? -1 },
  );
  return rows;
}
