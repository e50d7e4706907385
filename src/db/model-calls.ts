import type { Knex } from 'knex';
import type { Db } from './connect.ts';
import { unhurried } from './lease.ts';
import { prepared } from './prepared.ts';

/** Of one call: the lease under which it is made, and which of its calls it is, from 0. */
export interface CallKey {
  run: string;
  n: number;
}

export interface NewModelCall extends CallKey {
  /** null: of no answer. */
  answerId: string | null;
  apiKeyId: string;
  model: string;
  /** What it may cost at most, USD; null where its model has no price. */
  reserveUsd: number | null;
}

export const countedBy = ['reported', 'estimated', 'none'] as const;

export interface EndedModelCall {
  outcome: string;
  ms: number;
  inputTokens: number;
  outputTokens: number;
  /** Who says how many tokens: the provider, or we; none where nothing is charged. */
  counted: (typeof countedBy)[number];
  costUsd: number | null;
}

/** The outcome of a call that its model was not asked for after all: it is left alone for the moment. */
export const notCalled = 'not_called';

/** Why a call may not be made: the key's or the installation's budget of the day is spent, or it has no price to be counted by. */
export type BudgetRefusal = 'key' | 'day' | 'unpriced';

/** One spender at a time reads what is left and takes of it; the number only has to be ours. */
const spendLock = 4_207_019;
const today = `(now() at time zone 'utc')::date`;

/**
 * Notes a call that is about to be made. Where a budget holds for it, what the call may cost is held back first, and it is
 * refused when nothing is left: so calls side by side go beyond a budget by the last of them at most.
 */
export async function beginModelCall(
  db: Knex,
  call: NewModelCall,
  dailyBudgetUsd: number | undefined,
): Promise<BudgetRefusal | null> {
  // Mostly there is no budget, and one statement does. It waits for the disk: what was asked of a model is in the books.
  if (dailyBudgetUsd === undefined && (await insertCall(db, call, withoutBudget))) return null;
  return db.transaction(async (trx) => {
    const key = await trx('api_keys').where({ id: call.apiKeyId }).first('budget_usd_per_day');
    const keyBudget: number | undefined = key?.budget_usd_per_day ?? undefined;
    if (keyBudget !== undefined || dailyBudgetUsd !== undefined) {
      if (call.reserveUsd === null) return 'unpriced';
      await trx.raw('select pg_advisory_xact_lock(?)', [spendLock]);
      const spent = await readSpending(trx, call.apiKeyId, { withReserved: true });
      if (keyBudget !== undefined && spent.key >= keyBudget) return 'key';
      if (dailyBudgetUsd !== undefined && spent.day >= dailyBudgetUsd) return 'day';
    }
    await insertCall(trx, call, insertStatement);
    return null;
  });
}

async function insertCall(db: Db, call: NewModelCall, statement: string): Promise<boolean> {
  const { rows } = await prepared(db, statement, { ...call, reserveUsd: call.reserveUsd ?? 0 });
  return rows[0].noted > 0;
}

const insertWith = (rest: string): string => `with noted as (
    insert into model_calls (run, n, answer_id, api_key_id, model, reserved_usd)
    select cast(:run as uuid), cast(:n as integer), cast(:answerId as uuid), cast(:apiKeyId as uuid), cast(:model as text),
           cast(:reserveUsd as numeric)
      ${rest} on conflict do nothing
    returning day, api_key_id, reserved_usd),
  held as (
    insert into model_spend (day, api_key_id, reserved_usd)
    select day, api_key_id, reserved_usd from noted where reserved_usd > 0
    on conflict (day, api_key_id) do update set reserved_usd = model_spend.reserved_usd + excluded.reserved_usd)
  select count(*)::int as noted from noted`;
const insertStatement = insertWith('');
const withoutBudget = insertWith(
  'where not exists (select from api_keys where id = :apiKeyId and budget_usd_per_day is not null)',
);

const endStatement = `with held as (
    select run, n, reserved_usd from model_calls where run = :run and n = :n and outcome is null for update),
  ended as (
    update model_calls c
       set outcome = :outcome, ms = :ms, input_tokens = :inputTokens, output_tokens = :outputTokens,
           counted = :counted, cost_usd = :costUsd, reserved_usd = 0
      from held, ${unhurried} where c.run = held.run and c.n = held.n
    returning c.day, c.api_key_id, coalesce(c.cost_usd, 0) as usd, held.reserved_usd)
  insert into model_spend (day, api_key_id, usd) select day, api_key_id, usd from ended where usd > 0 or reserved_usd > 0
  on conflict (day, api_key_id) do update
     set usd = model_spend.usd + excluded.usd,
         reserved_usd = greatest(0, model_spend.reserved_usd - (select reserved_usd from ended))`;

/**
 * Writes how a call ended and what it cost, once. Does not wait for the disk: a database that crashes before the answer's end
 * brings it there leaves a call whose worker died, with what it may have cost still held back.
 */
export async function endModelCall(db: Db, key: CallKey, end: EndedModelCall): Promise<void> {
  await prepared(db, endStatement, { ...key, ...end });
}

/** What this key and all keys together have spent today (UTC), USD; with what running calls hold back, if asked for. */
export async function readSpending(
  db: Db,
  apiKeyId: string,
  { withReserved = false } = {},
): Promise<{ key: number; day: number }> {
  const sum = withReserved ? 'usd + reserved_usd' : 'usd';
  const { rows } = await db.raw(
    `select coalesce(sum(${sum}) filter (where api_key_id = ?), 0)::float8 as key, coalesce(sum(${sum}), 0)::float8 as day
       from model_spend where day = ${today}`,
    [apiKeyId],
  );
  return rows[0];
}

/** What the budgets of today leave for a call of this key, USD, running calls counted at their dearest; null: none holds. */
export async function readBudgetLeft(
  db: Db,
  apiKeyId: string,
  dailyBudgetUsd: number | undefined,
): Promise<number | null> {
  const key = await db('api_keys').where({ id: apiKeyId }).first('budget_usd_per_day');
  const keyBudget: number | undefined = key?.budget_usd_per_day ?? undefined;
  if (keyBudget === undefined && dailyBudgetUsd === undefined) return null;
  const spent = await readSpending(db, apiKeyId, { withReserved: true });
  const left = [keyBudget, dailyBudgetUsd].map((budget, n) =>
    budget === undefined ? Number.POSITIVE_INFINITY : budget - (n === 0 ? spent.key : spent.day),
  );
  return Math.max(0, Math.min(...left));
}

export interface ModelCall {
  model: string;
  ms: number | null;
  /** `ok`, an error code, or `unknown` where the worker died meanwhile. */
  outcome: string;
  input_tokens: number;
  output_tokens: number;
  counted: EndedModelCall['counted'];
  cost_usd: number | null;
}

/** Every call made for an answer, whichever delivery made it, in their order. */
export async function callsOfAnswer(db: Db, answerId: string): Promise<ModelCall[]> {
  const { rows } = await db.raw(
    `select model, ms, coalesce(outcome, 'unknown') as outcome, coalesce(input_tokens, 0) as input_tokens,
            coalesce(output_tokens, 0) as output_tokens, coalesce(counted, 'none') as counted, cost_usd::float8 as cost_usd
       from model_calls where answer_id = ? and outcome is distinct from ? order by created_at, run, n`,
    [answerId, notCalled],
  );
  return rows;
}
