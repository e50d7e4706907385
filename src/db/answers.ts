import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { AppError, type ErrorSummary, summarise } from '../errors.ts';
import { holdRetrieved, insertRecord, type NewRecord } from './answer-records.ts';
import { hideDeleted, hideDeletedHolding } from './answer-sources.ts';
import type { Db } from './connect.ts';
import { type NewExperience, recordExperience } from './experiences.ts';
import { leaseLost, leaseUntil } from './lease.ts';

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
  deadline_at: Date;
  created_at: Date;
  started_at: Date | null;
  completed_at: Date | null;
  expires_at: Date;
}

export interface NewAnswer {
  /** The same id again is the same question again. */
  id: string;
  question: string;
  request: Record<string, unknown>;
  apiKeyId: string | null;
  requestId: string;
  traceparent: string | null;
  deadlineMs: number;
  keepHours: number;
}

export async function insertAnswer(db: Db, answer: NewAnswer): Promise<AnswerRow> {
  const [row] = await db('answers')
    .insert({
      id: answer.id,
      question: answer.question,
      request: JSON.stringify(answer.request),
      api_key_id: answer.apiKeyId,
      request_id: answer.requestId,
      traceparent: answer.traceparent,
      deadline_at: db.raw(`now() + ? * interval '1 millisecond'`, [answer.deadlineMs]),
      expires_at: db.raw(`now() + ? * interval '1 hour'`, [answer.keepHours]),
    })
    .onConflict('id')
    .ignore()
    .returning('*');
  return row ?? db('answers').where({ id: answer.id }).first();
}

/** As it may be shown now: of documents deleted since, nothing is left in it. */
export async function findAnswer(db: Db, id: string): Promise<AnswerRow | undefined> {
  const row = await db('answers').where({ id }).where('expires_at', '>', db.fn.now()).first();
  return row?.result ? { ...row, result: await hideDeleted(db, row.result) } : row;
}

export interface ClaimedAnswer extends AnswerRow {
  token: string;
  /** Milliseconds until the deadline, by the database's clock. */
  msLeft: number;
  /** Milliseconds the question waited for a worker. */
  queuedMs: number;
}

/** Takes a queued question, or one whose worker's lease ran out. Undefined: somebody has it, it ended, or it is too late. */
export async function claimAnswer(db: Db, id: string): Promise<ClaimedAnswer | undefined> {
  const token = randomUUID();
  const { rows } = await db.raw(
    `update answers
        set status = 'in_progress', lease_token = ?, lease_until = ${leaseUntil}, attempts = attempts + 1,
            started_at = coalesce(started_at, now())
      where id = ? and deadline_at > now()
        and (status = 'queued' or (status = 'in_progress' and lease_until < now()))
      returning *, (extract(epoch from deadline_at - now()) * 1000)::int as "msLeft",
                (extract(epoch from started_at - created_at) * 1000)::int as "queuedMs"`,
    [token, id],
  );
  if (rows[0]) return { ...rows[0], token };
  await expireUnclaimed(db, id);
  return undefined;
}

/** What came to a worker only after its deadline ends here rather than at the next sweep. */
async function expireUnclaimed(db: Db, id: string): Promise<void> {
  const error = new AppError('deadline_exceeded', 'No worker was free before its deadline.');
  await db('answers')
    .where({ id, status: 'queued' })
    .where('deadline_at', '<=', db.fn.now())
    .update({ status: 'expired', error: JSON.stringify(summarise(error)), completed_at: db.fn.now() });
}

/**
 * Writes the result, its experience and its record, once: throws `lease_lost` when the answer was cancelled or taken over.
 * A replay is no experience, and one of what was recorded has no record of its own.
 */
export async function completeAnswer(
  db: Knex,
  id: string,
  token: string,
  result: Record<string, unknown>,
  experience: NewExperience | null,
  record: NewRecord | null = null,
): Promise<void> {
  await db.transaction(async (trx) => {
    const held = record && (await holdRetrieved(trx, record));
    const stored = await hideDeletedHolding(trx, result);
    const done = await trx('answers')
      .where({ id, lease_token: token, status: 'in_progress' })
      .update({
        status: 'completed',
        result: JSON.stringify(stored),
        error: null,
        completed_at: trx.fn.now(),
        lease_token: null,
        lease_until: null,
      });
    if (done === 0) throw leaseLost();
    if (experience) await recordExperience(trx, experience);
    if (held) await insertRecord(trx, id, held, stored);
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
  const ended = await db('answers')
    .where({ id })
    .whereIn('status', ['queued', 'in_progress'])
    .update({
      status,
      error: error && JSON.stringify(error),
      completed_at: db.fn.now(),
      lease_token: null,
      lease_until: null,
    });
  return ended > 0;
}

/** Ends what is past its deadline and removes what is past its time to be kept. Returns the counts. */
export async function sweepAnswers(
  db: Db,
  error: ErrorSummary,
): Promise<{ expired: number; removed: number }> {
  const expired = await db('answers')
    .whereIn('status', ['queued', 'in_progress'])
    .where('deadline_at', '<', db.raw(`now() - interval '5 seconds'`))
    .update({
      status: 'expired',
      error: JSON.stringify(error),
      completed_at: db.fn.now(),
      lease_token: null,
      lease_until: null,
    });
  const removed = await db('answers').where('expires_at', '<', db.fn.now()).delete();
  return { expired, removed };
}
