import type { Knex } from 'knex';
import type { ClaimedAnswer } from '../../src/db/answers.ts';
import {
  type BudgetRefusal,
  beginModelCall,
  type EndedModelCall,
  endModelCall,
  type ModelCall,
  notCalled,
  readBudgetLeft,
} from '../../src/db/model-calls.ts';
import type { Metrics } from '../../src/metrics.ts';
import { countTokens } from '../../src/text/count-tokens.ts';
import type { Context } from '../context.ts';
import type { Usage } from '../llm/llm.ts';
import { costOfCall, type LlmPrices, readLlmPrices } from '../llm/prices.ts';

export interface CallToMake {
  model: string;
  /** All that the model is shown. */
  shown: string;
  maxOutputTokens: number;
}

export interface CallMade {
  outcome: string;
  ms: number;
  /** What the provider said; undefined where it said nothing. */
  reported: Usage | undefined;
  /** All that it wrote. */
  text: string;
  /** Whether the provider may charge for it. */
  charged: boolean;
}

/** Keeps the books of one run: every call as a row and in the metrics, within the budgets. */
export interface ModelLedger {
  /** A function to end the call with; or why it may not be made. */
  begin(call: CallToMake): Promise<{ end: (made: CallMade) => Promise<void> } | { refused: BudgetRefusal }>;
  /** Whether what is left of the budgets of the day is enough for all of these at their dearest; true where none holds. */
  affords(
    calls: readonly (Pick<CallToMake, 'model' | 'maxOutputTokens'> & { inputTokens: number })[],
  ): Promise<boolean>;
  /** The calls of this run that ended. */
  readonly calls: readonly ModelCall[];
}

export interface LedgerOptions {
  prices: LlmPrices;
  dailyBudgetUsd: number | undefined;
}

/** The nil uuid stands for the environment's key in answers too. */
const nobody = '00000000-0000-0000-0000-000000000000';

/** Whose calls they are; `id` is null where they belong to no answer. */
export type LedgerOwner = Pick<ClaimedAnswer, 'token' | 'api_key_id'> & { id: string | null };

/** The one ledger of a run of an answer: its calls are numbered through, whichever step makes them. */
export function ledgerOf(
  answer: LedgerOwner,
  { config, db, metrics }: Pick<Context, 'config' | 'db' | 'metrics'>,
): ModelLedger {
  const prices = readLlmPrices(config.LLM_PRICES) ?? new Map();
  return openLedger(db, metrics, answer, { prices, dailyBudgetUsd: config.LLM_DAILY_BUDGET_USD });
}

export function openLedger(
  db: Knex,
  metrics: Metrics,
  answer: LedgerOwner,
  { prices, dailyBudgetUsd }: LedgerOptions,
): ModelLedger {
  const calls: ModelCall[] = [];
  let n = 0;
  const owner = { answerId: answer.id, apiKeyId: answer.api_key_id ?? nobody };
  return {
    calls,
    async affords(toMake) {
      const left = await readBudgetLeft(db, owner.apiKeyId, dailyBudgetUsd);
      if (left === null) return true;
      const costs = toMake.map(({ model, inputTokens, maxOutputTokens }) =>
        costOfCall(model, { inputTokens, outputTokens: maxOutputTokens }, prices),
      );
      return (
        costs.every((cost) => cost !== null) && costs.reduce((sum, cost) => sum + (cost ?? 0), 0) <= left
      );
    },
    async begin({ model, shown, maxOutputTokens }) {
      const key = { run: answer.token, n: n++ };
      const most = { inputTokens: countTokens(shown), outputTokens: maxOutputTokens };
      const reserveUsd = costOfCall(model, most, prices);
      const refused = await beginModelCall(db, { ...key, ...owner, model, reserveUsd }, dailyBudgetUsd);
      if (refused) return { refused };
      return {
        async end(made) {
          const { inputTokens, outputTokens, counted } = tokensOf(made, most.inputTokens);
          const costUsd = counted === 'none' ? 0 : costOfCall(model, { inputTokens, outputTokens }, prices);
          const ended: EndedModelCall = { ...made, inputTokens, outputTokens, counted, costUsd };
          await endModelCall(db, key, ended);
          if (made.outcome === notCalled) return;
          calls.push(toCall(model, ended));
          count(metrics, model, ended);
        },
      };
    },
  };
}

/** What the provider says; where it was cut off before it could, what we count, since it may be charged all the same. */
function tokensOf({ reported, text, charged }: CallMade, shownTokens: number) {
  if (!charged) return { inputTokens: 0, outputTokens: 0, counted: 'none' } as const;
  if (reported) return { ...reported, counted: 'reported' } as const;
  return { inputTokens: shownTokens, outputTokens: countTokens(text), counted: 'estimated' } as const;
}

function toCall(model: string, { outcome, ms, inputTokens, outputTokens, counted, costUsd }: EndedModelCall) {
  const tokens = { input_tokens: inputTokens, output_tokens: outputTokens, counted };
  return { model, ms: Math.round(ms * 10) / 10, outcome, ...tokens, cost_usd: costUsd };
}

function count(
  { llmSeconds, llmTokens, llmCost }: Metrics,
  model: string,
  { outcome, ms, inputTokens, outputTokens, costUsd }: EndedModelCall,
): void {
  llmSeconds.observe({ model, outcome }, ms / 1000);
  llmTokens.inc({ model, kind: 'input' }, inputTokens);
  llmTokens.inc({ model, kind: 'output' }, outputTokens);
  llmCost.inc({ model }, costUsd ?? 0);
}
