import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import type { ErrorSummary } from '../errors.ts';
import type { EvaluationResult } from '../evaluation/summarise.ts';
import type { Strategy } from '../retrieval/passage.ts';
import type { Scope } from './api-keys.ts';
import type { Db } from './connect.ts';
import { leaseLost, leaseUntil } from './lease.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export const evaluationStatuses = ['queued', 'in_progress', 'completed', 'failed', 'cancelled'] as const;

/** How much a document answers a question: 0 not at all. It is named by one of both. */
export interface Judgement {
  external_id?: string | undefined;
  document_id?: string | undefined;
  gain: number;
}

export interface JudgedQuery {
  queryId: string;
  text: string;
  judgements: Judgement[];
}

export interface NewEvaluation {
  /** The same id again is the same evaluation again. */
  id: string;
  name: string | null;
  strategies: readonly Strategy[];
  /** As whom is searched. */
  audience: { scope: Scope; flags: string[]; access?: Access | undefined };
  /** As requests have them. */
  filters: Record<string, unknown>;
  apiKeyId: string;
  queries: readonly JudgedQuery[];
}

export interface EvaluationRow {
  id: string;
  name: string | null;
  status: (typeof evaluationStatuses)[number];
  strategies: Strategy[];
  audience: NewEvaluation['audience'];
  filters: NewEvaluation['filters'];
  queries: number;
  result: EvaluationResult | null;
  error: ErrorSummary | null;
  created_at: Date;
  updated_at: Date;
  completed_at: Date | null;
  /** Searches measured so far, of queries × strategies. */
  measured: number;
}

const columns = `e.id, e.name, e.status, e.strategies, e.audience, e.filters, e.queries, e.result, e.error, e.created_at,
  e.updated_at, e.completed_at, (select count(*)::int from evaluation_scores s where s.evaluation_id = e.id) as measured`;

export async function insertEvaluation(db: Knex, evaluation: NewEvaluation): Promise<void> {
  const { id, queries } = evaluation;
  await db.transaction(async (trx) => {
    const inserted = await trx('evaluations')
      .insert({
        ...{
          id,
          name: evaluation.name,
          strategies: [...evaluation.strategies],
          api_key_id: evaluation.apiKeyId,
        },
        audience: JSON.stringify(evaluation.audience),
        filters: JSON.stringify(evaluation.filters),
        queries: queries.length,
      })
      .onConflict('id')
      .ignore()
      .returning('id');
    if (inserted.length === 0) return;
    const rows = queries.map(({ queryId, text, judgements }, n) => ({
      ...{ evaluation_id: id, n, query_id: queryId, text },
      judgements: JSON.stringify(judgements),
    }));
    for (let i = 0; i < rows.length; i += 500) await trx('evaluation_queries').insert(rows.slice(i, i + 500));
  });
}

export async function findEvaluation(db: Db, id: string): Promise<EvaluationRow | undefined> {
  const { rows } = await db.raw(`select ${columns} from evaluations e where e.id = ?`, [id]);
  return rows[0];
}

/** Newest first. */
export async function listEvaluations(
  db: Db,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<Page<EvaluationRow>> {
  const after = readCursor(cursor);
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('e.created_at')} from evaluations e
      where :at::timestamptz is null or (e.created_at, e.id) < (:at::timestamptz, :id::uuid)
      order by e.created_at desc, e.id desc limit :limit`,
    { at: after?.at ?? null, id: after?.id ?? null, limit: limit + 1 },
  );
  return toPage<EvaluationRow>(rows, limit);
}

/** Takes one that waits, or whose worker's lease ran out. Undefined: somebody else has it, or it has ended. */
export async function claimEvaluation(
  db: Db,
  id: string,
): Promise<(EvaluationRow & { token: string }) | undefined> {
  const token = randomUUID();
  const { rows } = await db.raw(
    `update evaluations e set status = 'in_progress', lease_token = ?, lease_until = ${leaseUntil}, updated_at = now()
      where id = ? and (status = 'queued' or (status = 'in_progress' and lease_until < now())) returning ${columns}`,
    [token, id],
  );
  return rows[0] && { ...rows[0], token };
}

/** Back to the queue: its turn is over, or something failed that may pass. */
export async function releaseEvaluation(db: Db, token: string): Promise<void> {
  await db('evaluations')
    .where('lease_token', token)
    .update({ status: 'queued', lease_token: null, lease_until: null, updated_at: db.fn.now() });
}

const ended = { lease_token: null, lease_until: null };

/** Throws `lease_lost` when fenced off. */
export async function completeEvaluation(db: Db, token: string, result: EvaluationResult): Promise<void> {
  const done = await db('evaluations')
    .where({ lease_token: token, status: 'in_progress' })
    .update({
      ...{ ...ended, status: 'completed', result: JSON.stringify(result), error: null },
      ...{ completed_at: db.fn.now(), updated_at: db.fn.now() },
    });
  if (done === 0) throw leaseLost();
}

/** Ends one that has not ended, without a result; false when it has. Nothing is written for it afterwards. */
export async function endEvaluation(
  db: Db,
  id: string,
  status: 'failed' | 'cancelled',
  error: ErrorSummary | null,
): Promise<boolean> {
  const done = await db('evaluations')
    .where({ id })
    .whereIn('status', ['queued', 'in_progress'])
    .update({
      ...{ ...ended, status, error: error && JSON.stringify(error) },
      ...{ completed_at: db.fn.now(), updated_at: db.fn.now() },
    });
  return done > 0;
}

/** Those that wait though nobody was nudged for long, or whose worker is gone. */
export async function findLostEvaluations(db: Db): Promise<string[]> {
  const { rows } = await db.raw(
    `select id from evaluations where (status = 'queued' and updated_at < now() - interval '20 seconds')
        or (status = 'in_progress' and lease_until < now())`,
  );
  return rows.map((row: { id: string }) => row.id);
}
