import type { FlagKey } from '../flags.ts';
import type { GateReading } from '../rollouts/judge-gate.ts';
import { flagsOf, type Plan } from '../rollouts/plan.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export const rolloutStatuses = ['running', 'paused', 'completed', 'rolled_back'] as const;
export type RolloutStatus = (typeof rolloutStatuses)[number];

/** What a flag is set to. */
export interface FlagSetting {
  enabled: boolean;
  rollout_percent: number;
}
export type FlagSettings = Partial<Record<FlagKey, FlagSetting>>;

export interface RolloutRow {
  id: string;
  name: string;
  status: RolloutStatus;
  plan: Plan;
  auto_advance: boolean;
  stage: number;
  tested: FlagKey[];
  before: FlagSettings;
  expected: FlagSettings;
  paused_because: 'hand' | 'flag_changed' | null;
  revision: number;
  api_key_id: string;
  created_by: string;
  created_at: Date;
  stage_started_at: Date;
  updated_at: Date;
  ended_at: Date | null;
  /** Minutes since the stage began, until now or until the rollout ended; by the database's clock. */
  minutes: number;
}

export const rolloutEventTypes = [
  'started',
  'advanced',
  'paused',
  'resumed',
  'rolled_back',
  'completed',
] as const;

export interface RolloutEvent {
  type: (typeof rolloutEventTypes)[number];
  by: string;
  reason: string;
  /** Of an incident: what happened, in plain language. */
  note: string | null;
  note_ko: string | null;
  /** What the gates said then; null: nobody asked them. */
  gates: GateReading[] | null;
}

export type RolloutEventRow = RolloutEvent & { n: number; at: Date; stage: number };

const columns = `id, name, status, plan, auto_advance, stage, tested, before, expected, paused_because, revision, api_key_id,
  created_by, created_at, stage_started_at, updated_at, ended_at,
  (extract(epoch from coalesce(ended_at, now()) - stage_started_at) / 60)::double precision as minutes`;

export async function findRollout(db: Db, id: string): Promise<RolloutRow | undefined> {
  const { rows } = await db.raw(`select ${columns} from rollouts where id = ?`, [id]);
  return rows[0];
}

/** Those that have not ended, oldest first. */
export async function listUnendedRollouts(db: Db): Promise<RolloutRow[]> {
  const { rows } = await db.raw(
    `select ${columns} from rollouts where status in ('running', 'paused') order by created_at, id`,
  );
  return rows;
}

/** Newest first. */
export async function listRollouts(
  db: Db,
  query: { limit: number; cursor?: string | undefined; status?: RolloutStatus | undefined },
): Promise<Page<RolloutRow>> {
  const after = readCursor(query.cursor);
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('created_at')} from rollouts
      where (:at::timestamptz is null or (created_at, id) < (:at::timestamptz, :id::uuid))
        and (:status::text is null or status = :status)
      order by created_at desc, id desc limit :limit`,
    { at: after?.at ?? null, id: after?.id ?? null, status: query.status ?? null, limit: query.limit + 1 },
  );
  return toPage<RolloutRow>(rows, query.limit);
}

export async function readRolloutEvents(db: Db, id: string): Promise<RolloutEventRow[]> {
  return db('rollout_events').where({ rollout_id: id }).orderBy('n').select('*');
}

export type NewRollout = Pick<
  RolloutRow,
  'id' | 'name' | 'plan' | 'auto_advance' | 'before' | 'expected' | 'api_key_id' | 'created_by'
>;

/** False when the id is there already: the same request once more. */
export async function insertRollout(db: Db, rollout: NewRollout): Promise<boolean> {
  const inserted = await db('rollouts')
    .insert({
      ...rollout,
      plan: JSON.stringify(rollout.plan),
      before: JSON.stringify(rollout.before),
      expected: JSON.stringify(rollout.expected),
      tested: rollout.plan.stages[0]?.tested ?? [],
    })
    .onConflict('id')
    .ignore()
    .returning('id');
  return inserted.length > 0;
}

/** Takes the flags of a plan; returns those that another rollout has in its hands. */
export async function takeFlags(
  db: Db,
  id: string,
  plan: Plan,
): Promise<{ flag: FlagKey; rollout_id: string }[]> {
  const flags = flagsOf(plan);
  const rows = flags.map((flag) => ({ flag, rollout_id: id }));
  await db('rollout_flags').insert(rows).onConflict('flag').ignore();
  return db('rollout_flags').whereIn('flag', flags).whereNot('rollout_id', id).select('flag', 'rollout_id');
}

export async function releaseFlags(db: Db, id: string): Promise<void> {
  await db('rollout_flags').where({ rollout_id: id }).delete();
}

/** Holds the rollout for the transaction and says how it is now. */
export async function lockRollout(transaction: Db, id: string): Promise<RolloutRow | undefined> {
  const { rows } = await transaction.raw(`select ${columns} from rollouts where id = ? for no key update`, [
    id,
  ]);
  return rows[0];
}

export type RolloutChange = Partial<
  Pick<RolloutRow, 'status' | 'stage' | 'tested' | 'expected' | 'paused_because'>
>;

/** One revision further. A new stage begins its time anew. */
export async function writeRollout(db: Db, id: string, change: RolloutChange): Promise<RolloutRow> {
  const { expected, ...rest } = change;
  const ends = change.status === 'completed' || change.status === 'rolled_back';
  await db('rollouts')
    .where({ id })
    .update({
      ...rest,
      ...(expected && { expected: JSON.stringify(expected) }),
      ...(change.stage !== undefined && { stage_started_at: db.fn.now() }),
      ...(ends && { ended_at: db.fn.now() }),
      revision: db.raw('revision + 1'),
      updated_at: db.fn.now(),
    });
  return (await findRollout(db, id)) as RolloutRow;
}

/** What led to the rollout's revision as it is. */
export async function writeRolloutEvent(
  db: Db,
  { id, revision, stage }: RolloutRow,
  { gates, ...event }: RolloutEvent,
): Promise<void> {
  await db('rollout_events').insert({
    ...{ rollout_id: id, n: revision, stage, ...event },
    gates: gates && JSON.stringify(gates),
  });
}

/** Answers by arm in the present stage of every rollout that has not ended. */
export async function readExposures(
  db: Db,
): Promise<{ flags: string; stage: number; paused: boolean; treatment: number; control: number }[]> {
  const exposed = (arm: string) => `
    (coalesce((select exposures from rollout_sums s where s.rollout_id = r.id and s.stage = r.stage and s.arm = '${arm}'), 0)
     + (select count(*) from rollout_observations o
         where o.rollout_id = r.id and o.stage = r.stage and o.arm = '${arm}' and not o.folded))::int as ${arm}`;
  const { rows } = await db.raw(
    `select array_to_string(r.tested, ',') as flags, r.stage, r.status = 'paused' as paused,
            ${exposed('treatment')}, ${exposed('control')}
       from rollouts r where r.status in ('running', 'paused')`,
  );
  return rows;
}

/** Removes what was observed for rollouts that ended so many days ago; their events stay. Returns the count. */
export async function sweepObservations(db: Db, days: number): Promise<number> {
  const { rowCount } = await db.raw(
    `with old as (select id from rollouts where ended_at < now() - ? * interval '1 day'),
     summed as (delete from rollout_sums s using old where s.rollout_id = old.id)
     delete from rollout_observations o using old where o.rollout_id = old.id`,
    [days],
  );
  return rowCount ?? 0;
}
