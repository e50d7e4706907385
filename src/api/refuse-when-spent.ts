import { readSpending } from '../db/model-calls.ts';
import { AppError } from '../errors.ts';
import type { ApiContext } from './app.ts';
import type { Caller } from './route.ts';

/**
 * Refuses a question whose language model nobody would pay for any more today: who set a budget wants to be told when it
 * is spent rather than served less. Without budgets nothing is looked up.
 */
export async function refuseWhenSpent({ config, db }: ApiContext, caller: Caller): Promise<void> {
  const { budgetUsdPerDay } = caller;
  const { LLM_DAILY_BUDGET_USD } = config;
  if (budgetUsdPerDay === undefined && LLM_DAILY_BUDGET_USD === undefined) return;
  const spent = await readSpending(db, caller.id);
  const retryAfter = secondsLeftOfDay();
  if (budgetUsdPerDay !== undefined && spent.key >= budgetUsdPerDay)
    throw new AppError(
      'budget_exhausted',
      `This API key's budget for the language model, ${budgetUsdPerDay} USD a day, is spent: ask again tomorrow (UTC), or have its budget_usd_per_day raised.`,
      { retryAfter },
    );
  if (LLM_DAILY_BUDGET_USD !== undefined && spent.day >= LLM_DAILY_BUDGET_USD)
    throw new AppError(
      'budget_exhausted',
      'The budget of this service for the language model is spent for today: ask again tomorrow (UTC).',
      { retryAfter },
    );
}

function secondsLeftOfDay(): number {
  const day = 86_400;
  return day - (Math.floor(Date.now() / 1000) % day);
}
