import type { Knex } from 'knex';
import type { Db } from './connect.ts';
import type { StoredExperience } from './experiences.ts';
import {
  findPolicyVersion,
  listPolicyVersions,
  type PolicySnapshot,
  type PolicyVersion,
  publishVersion,
} from './policies.ts';

/** The buffer must have so many before anything is learned. */
export const leastExperiences = 100;
/** Experiences that are learned together. */
export const batchSize = 32;

export interface LearningState {
  paused: boolean;
  batches_planned: number;
  batches_learned: number;
  last_version: number;
}

const columns = `paused, batches_planned::int, batches_learned::int, last_version`;

export async function readLearningState(db: Db): Promise<LearningState> {
  return (await db.raw(`select ${columns} from learning_state`)).rows[0];
}

/** Whoever has it is the only one who plans, learns or restores until its transaction ends. */
async function lockState(trx: Knex.Transaction): Promise<LearningState> {
  return (await trx.raw(`select ${columns} from learning_state for update`)).rows[0];
}

/** Paused: nothing is planned or learned; what answers bring is kept as far as the buffer goes. */
export async function pauseLearning(db: Db, paused: boolean): Promise<void> {
  await db('learning_state').update({ paused });
}

/**
 * Draws batches from what was not learned yet, at random and without replacement; what fills no batch waits for the next time.
 * Returns every batch that is to be learned, those planned before and lost on the way among them.
 */
export async function planBatches(db: Knex, capacity: number): Promise<number[]> {
  return db.transaction(async (trx) => {
    const state = await lockState(trx);
    if (state.paused) return [];
    await trx.raw(
      `delete from experiences where id not in (select id from experiences order by id desc limit ?)`,
      [capacity],
    );
    const { rows } = await trx.raw(
      `with drawn as (
         select id, (row_number() over (order by random()) - 1) / :size as n, count(*) over () / :size as batches
           from experiences where batch is null and learned_at is null
            and (select count(*) from experiences) >= :least),
       planned as (
         update experiences e set batch = :first + drawn.n from drawn where e.id = drawn.id and drawn.n < drawn.batches
         returning e.batch)
       select distinct batch::int from planned
        union select batch::int from experiences where batch is not null and learned_at is null order by 1`,
      { size: batchSize, least: leastExperiences, first: state.batches_planned + 1 },
    );
    const batches: number[] = rows.map(({ batch }: { batch: number }) => batch);
    const last = batches.at(-1) ?? 0;
    if (last > state.batches_planned) await trx('learning_state').update({ batches_planned: last });
    return batches;
  });
}

/** From what was known before (undefined: nothing) and new experiences to what is known then. Pure. */
export type Learn = (known: unknown, experiences: readonly StoredExperience[]) => unknown;

/**
 * Learns a batch and publishes what is known then, in one transaction: once, however often it is delivered. Undefined: it was
 * learned, or learning is paused.
 */
export async function learnBatch(
  db: Knex,
  batch: number,
  policy: string,
  learn: Learn,
): Promise<{ version: number; experiences: number } | undefined> {
  return db.transaction(async (trx) => {
    const state = await lockState(trx);
    if (state.paused) return undefined;
    const version = state.last_version + 1;
    const { rows } = await trx.raw(
      `with taken as (
         select id, learned_reward as replaces from experiences where batch = :batch and learned_at is null for update)
       update experiences e set learned_at = now(), learned_version = :version, learned_reward = e.reward
         from taken where e.id = taken.id returning e.state, e.action, e.propensity, e.reward, taken.replaces`,
      { version, batch },
    );
    if (rows.length === 0) return undefined;
    const before = await liveVersion(trx, policy);
    const isNew = ({ replaces }: StoredExperience) => replaces === null;
    await publishVersion(trx, {
      ...{ number: version, policy, made_by: 'batch', batch, experiences: rows.length },
      ...{ parent: before?.number ?? null, learned: (before?.learned ?? 0) + rows.filter(isNew).length },
      snapshot: learn(before?.snapshot, rows),
    });
    await trx('learning_state').increment('batches_learned', 1);
    return { version, experiences: rows.length };
  });
}

async function liveVersion(trx: Knex.Transaction, policy: string): Promise<PolicySnapshot | undefined> {
  const live = await trx('policy_versions').where({ policy, live: true }).first('number');
  return live && findPolicyVersion(trx, live.number);
}

/**
 * A version from nothing but what was learned and is still in the buffer: the first of a policy where another one has learned
 * before, and the next of one that has learned twice the buffer, which so forgets what has left it. Undefined when there is
 * no need.
 */
export async function learnAnew(
  db: Knex,
  policy: string,
  learn: Learn,
  capacity: number,
): Promise<{ version: number; parent: number | null } | undefined> {
  return db.transaction(async (trx) => {
    const state = await lockState(trx);
    const before = await liveVersion(trx, policy);
    if (state.paused || (before && before.learned < 2 * capacity)) return undefined;
    const { rows } = await trx.raw(
      `select state, action, propensity, learned_reward as reward, null as replaces from (
         select * from experiences where learned_version is not null order by id desc limit ?) newest order by learned_version, id`,
      [capacity],
    );
    // While most of the buffer waits to be learned, what is learned of it is no buffer.
    if (rows.length < (before ? capacity / 2 : 1)) return undefined;
    const [number, parent] = [state.last_version + 1, before?.number ?? null];
    await publishVersion(trx, {
      ...{ number, policy, made_by: 'buffer', batch: null, experiences: rows.length, learned: rows.length },
      ...{ parent, snapshot: learn(undefined, rows) },
    });
    return { version: number, parent };
  });
}

/**
 * An earlier version again, as a new one. What was learned after it is given up: it is not learned again.
 * Undefined: there is no such version any more.
 */
export async function restoreVersion(db: Knex, number: number): Promise<PolicyVersion | undefined> {
  return db.transaction(async (trx) => {
    const { last_version } = await lockState(trx);
    const found = await findPolicyVersion(trx, number);
    if (!found) return undefined;
    const { policy, snapshot, learned } = found;
    await trx('experiences')
      .where('learned_version', '>', number)
      .update({ learned_version: null, learned_reward: null });
    const next = last_version + 1;
    await publishVersion(trx, {
      ...{ number: next, policy, snapshot, parent: number, made_by: 'restore', batch: null },
      ...{ experiences: 0, learned },
    });
    return (await listPolicyVersions(trx, 1))[0];
  });
}
