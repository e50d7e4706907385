import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { Principal } from '../access.ts';
import type { NewCase } from '../cases.ts';
import { AppError, type ErrorSummary, summarise } from '../errors.ts';
import { ownedBy } from './access-conditions.ts';
import { insertEnds, type NewEvent } from './answer-events.ts';
import { documentsOf, holdRetrieved, type NewRecord } from './answer-records.ts';
import { citedIds, hideDeletedHolding, hideUnseen } from './answer-sources.ts';
import { keepCase, useCases } from './cases.ts';
import type { Db } from './connect.ts';
import type { NewExperience } from './experiences.ts';
import { insertAnswers, type NewAnswer } from './insert-answers.ts';
import { leaseLost, leaseUntil, unhurried } from './lease.ts';
import { notifyAnswer } from './notify.ts';
import { prepared } from './prepared.ts';
import { writeEnd } from './write-end.ts';

export const answerStatuses = [
  'queued',
  'in_progress',
  'completed',
  'failed',
  'cancelled',
  'expired',
] as const;
export type AnswerStatus = (typeof answerStatuses)[number];

export interface AnswerRow {
  id: string;
  status: AnswerStatus;
  question: string;
  request: Record<string, unknown>;
  result: Record<string, unknown> | null;
  error: ErrorSummary | null;
  request_id: string | null;
  api_key_id: string | null;
  attempts: number;
  /** 1 is first. */
  priority: number;
  previous_answer_id: string | null;
  /** Number of the last event that was told of it. */
  event_seq: number;
  deadline_at: Date;
  created_at: Date;
  started_at: Date | null;
  completed_at: Date | null;
  expires_at: Date;
}

export async function insertAnswer(db: Db, answer: NewAnswer): Promise<AnswerRow> {
  const [row] = await insertAnswers(db, [answer]);
  return row as AnswerRow;
}

/**
 * As it may be shown to this reader now: of documents deleted since, or that it may not see, nothing is left in it, and past its
 * deadline it has ended. Undefined when there is none, or it is another key's.
 */
export async function findAnswer(db: Db, id: string, reader: Principal): Promise<AnswerRow | undefined> {
  const row = await readAnswer(db, id, reader);
  if (!row) return undefined;
  const { late, ...answer } = row;
  if (late && (await expireLate(db, [id])) > 0) return findAnswer(db, id, reader);
  return answer.result ? { ...answer, result: await hideUnseen(db, answer.result, reader.access) } : answer;
}

async function readAnswer(
  db: Db,
  id: string,
  reader: Principal,
): Promise<(AnswerRow & { late: boolean }) | undefined> {
  const own = ownedBy(reader, 'api_key_id');
  const { rows } = await db.raw(
    `select *, ${isLate} as late from answers
      where id = :id and deleted_at is null and expires_at > now() and ${own.sql}`,
    { ...own.bindings, id },
  );
  return rows[0];
}

export interface ClaimedAnswer extends AnswerRow {
  token: string;
  /** Milliseconds until the deadline, by the database's clock. */
  msLeft: number;
  /** Milliseconds the question waited for a worker. */
  queuedMs: number;
}

const claimStatement = `update answers
    set status = 'in_progress', lease_token = :token, lease_until = ${leaseUntil}, attempts = attempts + 1,
        started_at = coalesce(started_at, now())
   from ${unhurried}
  where id = :id and deadline_at > now()
    and (status = 'queued' or (status = 'in_progress' and lease_until < now()))
  returning id, status, question, request, result, error, request_id, api_key_id, attempts, priority, previous_answer_id,
            event_seq, deadline_at, created_at, started_at, completed_at, expires_at,
            (extract(epoch from deadline_at - now()) * 1000)::int as "msLeft",
            (extract(epoch from started_at - created_at) * 1000)::int as "queuedMs"`;

/** Takes a queued question, or one whose worker's lease ran out. Undefined: somebody has it, it ended, or it is too late. */
export async function claimAnswer(db: Db, id: string): Promise<ClaimedAnswer | undefined> {
  const token = randomUUID();
  const { rows } = await prepared(db, claimStatement, { token, id });
  if (rows[0]) return { ...rows[0], token };
  await expireLate(db, [id]);
  return undefined;
}

/** What is stored with an answer's end, beside its result. */
export interface Finishing {
  /** null for a replay of what was recorded: it has no record of its own. */
  record?: NewRecord | null;
  cases?: {
    /** Those that helped. */
    used: readonly string[];
    /** The one that the answer itself is; null: none. */
    fresh: NewCase | null;
  };
  /** What is learned from it, and how many are kept in all; null: nothing. */
  experience?: { added: NewExperience; capacity: number } | null;
  /** What the worker has not told yet. */
  told?: { events: readonly NewEvent[]; documents: readonly string[] };
}

/**
 * Writes the result, its record, its experience and its last events, once: each verified source and the end follow what was
 * told. Throws `lease_lost` when the answer was cancelled or taken over.
 */
export async function completeAnswer(
  db: Knex,
  id: string,
  token: string,
  result: Record<string, unknown>,
  { record = null, cases, experience = null, told = { events: [], documents: [] } }: Finishing,
): Promise<void> {
  const end = { id, token, told, experience };
  const withCases = cases !== undefined && (cases.used.length > 0 || cases.fresh !== null);
  // Mostly no document has gone meanwhile, and one statement does.
  const documents = [...(record ? documentsOf(record) : []), ...citedIds(result)];
  if (!withCases && (await writeEnd(db, { ...end, result, record, documents }))) return;
  await db.transaction(async (trx) => {
    const held = record && (await holdRetrieved(trx, record));
    const shown = await hideDeletedHolding(trx, result);
    if (!(await writeEnd(trx, { ...end, result: shown, record: held, documents: [] }))) throw leaseLost();
    if (cases) await useCases(trx, id, cases.used);
    if (cases?.fresh) await keepCase(trx, cases.fresh);
  });
}

/** Back to the queue after a failure that may pass. */
export async function releaseAnswer(db: Db, id: string, token: string): Promise<void> {
  await db('answers')
    .where({ id, lease_token: token })
    .update({ status: 'queued', lease_token: null, lease_until: null });
}

/** Ends an unfinished answer; one that has ended stays as it is. Returns whether this call ended it. */
export async function endAnswer(
  db: Db,
  id: string,
  status: 'failed' | 'cancelled' | 'expired',
  error: ErrorSummary | null,
): Promise<boolean> {
  return (await endWhere(db, `id = :id and status in ('queued', 'in_progress')`, { id }, status, error)) > 0;
}

/** Its worker ends an answer at its deadline by itself; only one that is gone leaves that to others, who leave it the time. */
const isLate = `(status = 'queued' and deadline_at < now()
  or status in ('queued', 'in_progress') and deadline_at < now() - interval '1 second')`;

/** Ends what is past its deadline, of these answers or of all. Returns how many. */
export async function expireLate(db: Db, ids?: readonly string[]): Promise<number> {
  const error = summarise(new AppError('deadline_exceeded', 'No worker finished it before its deadline.'));
  const where = ids ? `${isLate} and id = any(:ids::uuid[])` : isLate;
  return endWhere(db, where, ids ? { ids: [...ids] } : {}, 'expired', error);
}

async function endWhere(
  db: Db,
  where: string,
  bindings: Record<string, string | string[]>,
  status: AnswerStatus,
  error: ErrorSummary | null,
): Promise<number> {
  const { rows } = await db.raw(
    `with ended as (
       update answers set status = :status, error = :error, completed_at = now(), lease_token = null, lease_until = null,
              event_seq = event_seq + 1
        where ${where} returning id, status, event_seq, attempts),
     told as (${insertEnds('ended')})
     select ${notifyAnswer('id', true)} from ended`,
    { ...bindings, status, error: error && JSON.stringify(error) },
  );
  return rows.length;
}

/** Ends what is past its deadline and removes what is past its time to be kept. Returns the counts. */
export async function sweepAnswers(db: Db): Promise<{ expired: number; removed: number }> {
  const expired = await expireLate(db);
  const removed = await db('answers').where('expires_at', '<', db.fn.now()).delete();
  return { expired, removed };
}
