import type { Knex } from 'knex';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export interface NewToolCall {
  answerId: string;
  apiKeyId: string;
  /** `server.tool`, as it was asked for. */
  tool: string;
  reason: string;
  argumentsHash: string;
}

export interface ToolBudgets {
  perAnswer: number;
  /** Of a key in a day (UTC); undefined: no limit. */
  perDay: number | undefined;
}

export type ToolBudgetRefusal = 'answer_budget' | 'day_budget';

/** One at a time of a key reads what is left and takes of it; the number only has to be ours. */
const budgetLock = 4_207_028;

/**
 * Notes a call that is about to be made, or that it was refused since a budget is spent. Returns the id of the row, and the
 * refusal.
 */
export async function beginToolCall(
  db: Knex,
  call: NewToolCall,
  { perAnswer, perDay }: ToolBudgets,
): Promise<{ id: string; refused: ToolBudgetRefusal | null }> {
  return db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(?, hashtext(?))', [budgetLock, call.apiKeyId]);
    const { rows } = await trx.raw(
      `select (select count(*)::int from tool_calls where answer_id = :answer and decision = 'allowed') as answer,
              (select count(*)::int from tool_calls where api_key_id = :key and decision = 'allowed'
                  and created_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc') as day`,
      { answer: call.answerId, key: call.apiKeyId },
    );
    const [{ answer, day }] = rows as [{ answer: number; day: number }];
    const overDay = perDay !== undefined && day >= perDay;
    const refused = answer >= perAnswer ? 'answer_budget' : overDay ? 'day_budget' : null;
    const decision = refused ? 'denied' : 'allowed';
    return { id: await insertCall(trx, { ...call, reason: refused ?? call.reason }, decision), refused };
  });
}

/** Notes a call that was not made because it may not be. */
export async function noteDenied(db: Db, call: NewToolCall): Promise<void> {
  await insertCall(db, call, 'denied');
}

export async function endToolCall(
  db: Db,
  id: string,
  { outcome, ms, bytes }: { outcome: string; ms: number; bytes: number },
): Promise<void> {
  await db('tool_calls').where({ id }).update({ outcome, ms, bytes });
}

async function insertCall(db: Db, call: NewToolCall, decision: 'allowed' | 'denied'): Promise<string> {
  const [row] = await db('tool_calls')
    .insert({
      answer_id: call.answerId,
      api_key_id: call.apiKeyId,
      tool: call.tool,
      decision,
      reason: call.reason,
      arguments_hash: call.argumentsHash,
    })
    .returning('id');
  return row.id;
}

export interface ToolCallRow {
  id: string;
  answer_id: string;
  api_key_id: string;
  tool: string;
  decision: 'allowed' | 'denied';
  reason: string;
  arguments_hash: string | null;
  outcome: string | null;
  ms: number | null;
  bytes: number | null;
  created_at: Date;
}

export interface ToolCallQuery {
  tool?: string | undefined;
  decision?: 'allowed' | 'denied' | undefined;
  answerId?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** Newest first. */
export async function listToolCalls(db: Db, query: ToolCallQuery): Promise<Page<ToolCallRow>> {
  const after = readCursor(query.cursor);
  const rows = db('tool_calls')
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(query.limit + 1)
    .select(['*', db.raw(positionColumn('created_at'))]);
  const { tool, decision, answerId } = query;
  if (tool !== undefined) rows.where({ tool });
  if (decision !== undefined) rows.where({ decision });
  if (answerId !== undefined) rows.where({ answer_id: answerId });
  if (after) rows.whereRaw('(created_at, id) < (?::timestamptz, ?::uuid)', [after.at, after.id]);
  return toPage<ToolCallRow>(await rows, query.limit);
}

/** What is left of an answer that is deleted says nothing of its question. */
export async function forgetArguments(db: Db, answerId: string): Promise<void> {
  await db('tool_calls').where({ answer_id: answerId }).update({ arguments_hash: null });
}

export async function sweepToolCalls(db: Db, days: number): Promise<number> {
  return db('tool_calls')
    .where('created_at', '<', db.raw(`now() - ? * interval '1 day'`, [days]))
    .delete();
}
