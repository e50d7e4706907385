import type { DegradeCode } from '../../src/answer-result.ts';
import type { BudgetRefusal } from '../../src/db/model-calls.ts';
import type { LlmFault, LlmFaultCode } from '../llm/llm.ts';

/** That an answer is less than it could be: a sentence for people, codes for programs in the order in which it happened. */
export interface Degraded {
  reason: string;
  codes: DegradeCode[];
}

export function degradedBy(fault: LlmFault, timedOut: boolean): Degraded {
  return { reason: fault.message, codes: [timedOut ? 'llm_timeout' : codes[fault.code]] };
}

const codes: Record<LlmFaultCode, DegradeCode> = {
  llm_unavailable: 'llm_unavailable',
  llm_rate_limited: 'llm_rate_limited',
  llm_bad_output: 'llm_bad_output',
  llm_refused: 'llm_refused',
};

const refusals: Record<BudgetRefusal, string> = {
  key: "The API key's budget for the language model is spent for today.",
  day: 'The budget for the language model is spent for today.',
  unpriced: 'A budget holds, but the language model has no price in LLM_PRICES to keep it by.',
};

export function overBudget(refusal: BudgetRefusal): Degraded {
  return { reason: refusals[refusal], codes: ['budget_exhausted'] };
}

export const unverified: Degraded = {
  reason: "Nothing in the language model's answer could be verified.",
  codes: ['unverified'],
};

/** Both, the earlier first; the first sentence is the one that is told. */
export function both(first: Degraded | null, second: Degraded | null): Degraded | null {
  if (!first || !second) return first ?? second;
  return { reason: first.reason, codes: [...new Set([...first.codes, ...second.codes])] };
}
