import type { Knex } from 'knex';
import type { Db } from './connect.ts';

/** Versions of a policy that are kept beside the live one, to be looked at and restored. */
const versionsKept = 100;

export interface PolicyVersion {
  number: number;
  policy: string;
  /** The version that it was made of; that may be gone. */
  parent: number | null;
  made_by: 'batch' | 'buffer' | 'restore';
  /** Learned with it, and in all. */
  experiences: number;
  learned: number;
  live: boolean;
  created_at: Date;
}

export interface PolicySnapshot extends PolicyVersion {
  snapshot: unknown;
}

const shown = ['number', 'policy', 'parent', 'made_by', 'experiences', 'live', 'created_at'];

/** The version of this policy that decides; undefined before the first. `unless`: nor when it is this one. */
export async function findLivePolicy(
  db: Db,
  policy: string,
  unless?: number,
): Promise<PolicySnapshot | 'same' | undefined> {
  const { rows } = await db.raw(
    `select ${shown.join(', ')}, learned::int, case when number = :unless then null else snapshot end as snapshot
       from policy_versions where policy = :policy and live`,
    { policy, unless: unless ?? 0 },
  );
  return rows[0]?.number === unless && rows[0] ? 'same' : rows[0];
}

export async function findPolicyVersion(db: Db, number: number): Promise<PolicySnapshot | undefined> {
  return db('policy_versions')
    .where({ number })
    .first(...shown, db.raw('learned::int'), 'snapshot');
}

/** Newest first. */
export async function listPolicyVersions(db: Db, limit: number): Promise<PolicyVersion[]> {
  return db('policy_versions')
    .orderBy('number', 'desc')
    .limit(limit)
    .select(...shown, db.raw('learned::int'));
}

export interface NewVersion {
  number: number;
  policy: string;
  snapshot: unknown;
  parent: number | null;
  made_by: PolicyVersion['made_by'];
  batch: number | null;
  experiences: number;
  learned: number;
}

/** Puts the version in the place of the live one, and removes the oldest. For a transaction that holds the learning state. */
export async function publishVersion(trx: Knex.Transaction, version: NewVersion): Promise<void> {
  const { policy, number } = version;
  await trx('policy_versions').where({ policy, live: true }).update({ live: false });
  await trx('policy_versions').insert({
    ...version,
    snapshot: JSON.stringify(version.snapshot),
    live: true,
  });
  await trx('learning_state').update({ last_version: number });
  await trx.raw(
    `delete from policy_versions where policy = :policy and not live and number <= (
       select number from policy_versions where policy = :policy order by number desc offset :kept limit 1)`,
    { policy, kept: versionsKept },
  );
}
