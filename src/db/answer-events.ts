import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';
import { leaseLost } from './lease.ts';
import { notifyAnswer } from './notify.ts';
import { prepared } from './prepared.ts';

export const endTypes = ['completed', 'failed', 'cancelled', 'expired'] as const;
export const eventTypes = ['step', 'delta', 'source', 'restart', ...endTypes] as const;
export type EventType = (typeof eventTypes)[number];

export interface NewEvent {
  type: EventType;
  data: Record<string, unknown>;
}

export interface EventRow {
  seq: number;
  type: EventType;
  data: Record<string, unknown>;
}

/** A delta whose documents are not all there any more: its place in the sequence stays. */
const blanked = `'{"text": "", "deleted": true}'::jsonb`;
const isDelta = `e.value->>'type' = 'delta'`;

/**
 * SQL of an insert that follows `held`, which gives id, `before` (number of the last event) and attempts of the answer. Bindings:
 * `events` as JSON, and `documents` that deltas may have come from. Those documents are held for the statement: one that is
 * deleted meanwhile waits and finds the delta, one that was deleted before leaves nothing in it.
 */
export const insertEvents = (held: string): string =>
  `insert into answer_events (answer_id, seq, type, attempt, data, documents)
   select h.id, h.before + e.n, e.value->>'type', h.attempts,
          case when ${isDelta} and there.n < cardinality(:documents::uuid[]) then ${blanked} else e.value->'data' end,
          case when ${isDelta} then :documents::uuid[] else '{}' end
     from ${held} h cross join jsonb_array_elements(:events::jsonb) with ordinality as e(value, n)
    cross join (select count(*)::int as n from (
            select from documents where id = any(:documents::uuid[]) and deleted_at is null order by id for share) d) there`;

/** Bindings of `insertEvents`. Documents matter to deltas alone. */
export function eventBindings(events: readonly NewEvent[], documents: readonly string[]) {
  const drafted = events.some(({ type }) => type === 'delta');
  return { events: JSON.stringify(events), documents: drafted ? [...new Set(documents)] : [] };
}

/** SQL of the terminal event of each answer in `ended`, which gives id, event_seq (already counting it), status and attempts. */
export const insertEnds = (ended: string): string =>
  `insert into answer_events (answer_id, seq, type, attempt, data)
   select id, event_seq, status, attempts, '{}' from ${ended}`;

const appendStatement = `with held as (
    update answers set event_seq = :after where id = :id and lease_token = :token and event_seq = :before and status = 'in_progress'
    returning id, :before::int as before, attempts),
  told as (${insertEvents('held')})
  select ${notifyAnswer('id', false)} from held`;

/**
 * Adds events after number `before`, in order, while the lease stands. Saying the same again after a lost reply adds nothing.
 * Returns the number of the last one; throws `lease_lost`.
 */
export async function appendEvents(
  db: Db,
  { id, token, before }: { id: string; token: string; before: number },
  events: readonly NewEvent[],
  documents: readonly string[],
): Promise<number> {
  const after = before + events.length;
  const { rows } = await prepared(db, appendStatement, {
    ...{ id, token, before, after },
    ...eventBindings(events, documents),
  });
  if (rows.length > 0) return after;
  const known = await db('answers').where({ id, lease_token: token, event_seq: after }).first('id');
  if (!known) throw leaseLost();
  return after;
}

/** Most events that are read at a time. */
const perRead = 500;

/** Events after number `after`, in order; deltas without text whose documents are gone, hidden to be deleted, or not the reader's to see. */
export async function readEvents(
  db: Db,
  answerId: string,
  after: number,
  access: Access | undefined,
): Promise<EventRow[]> {
  const { document, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select seq, type, case when type = 'delta' and exists (
              select from unnest(e.documents) as x(id)
               where not exists (select from documents d where d.id = x.id and d.deleted_at is null and ${document})) then ${blanked} else data end as data
       from answer_events e where answer_id = :answerId and seq > :after order by seq limit :perRead`,
    { ...bindings, answerId, after, perRead },
  );
  return rows;
}

/** The steps that the running try has told of so far. */
export async function readSteps(db: Db, answerId: string): Promise<Record<string, unknown>[]> {
  const { rows } = await db.raw(
    `select e.data from answer_events e join answers a on a.id = e.answer_id and a.attempts = e.attempt
      where e.answer_id = ? and e.type = 'step' order by e.seq`,
    [answerId],
  );
  return rows.map(({ data }: { data: Record<string, unknown> }) => data);
}

/** Deltas that may hold text of the documents. */
const draftedFrom = (ids: string) => `type = 'delta' and data->>'text' <> '' and documents && ${ids}::uuid[]`;

export async function countDrafts(db: Db, documentIds: readonly string[]): Promise<number> {
  const { rows } = await db.raw(`select count(*)::int as n from answer_events where ${draftedFrom('?')}`, [
    [...documentIds],
  ]);
  return rows[0].n;
}

export async function blankDrafts(trx: Knex.Transaction, documentIds: readonly string[]): Promise<void> {
  await trx.raw(`update answer_events set data = ${blanked} where ${draftedFrom('?')}`, [[...documentIds]]);
}

/** Removes the events of answers that ended longer ago, of `limit` answers at most. Returns of how many. */
export async function sweepEvents(db: Db, keepMinutes: number, limit: number): Promise<number> {
  const { rows } = await db.raw(
    `with old as materialized (
       select answer_id from answer_events
        where type in ('completed', 'failed', 'cancelled', 'expired') and written_at < now() - ? * interval '1 minute' limit ?),
     gone as (delete from answer_events e using old where e.answer_id = old.answer_id)
     select count(*)::int as n from old`,
    [keepMinutes, limit],
  );
  return rows[0].n;
}
