import type { WorkerConfig } from '../config.ts';
import { readStepBudgets, type StepBudgets, type StepName } from './steps.ts';

/** What an answer needs after its model has failed, to be taken from the sources and written down, milliseconds. */
const closingMs = 300;
/** Below this a language model is not asked: no reply comes in so little time. */
export const leastForModelMs = 300;

/** What the steps of one answer may take: their budgets, and never beyond its deadline. */
export interface Budgets {
  /** Milliseconds the step has. */
  of(step: StepName): number;
  /** So much, or what the deadline leaves of it, at least one millisecond. */
  atMost(ms: number): number;
  /** The same for composing with a language model, which may have a time of its own, and whether the deadline cut it short. */
  ofModel(): { ms: number; cutShort: boolean };
  /** Milliseconds until the deadline. */
  leftMs(): number;
  /** What a whole answer takes at most, milliseconds. */
  readonly wholeMs: number;
}

/**
 * @param msLeft milliseconds until the answer's deadline, at this moment
 * @param moreMs what flags add to a whole answer, milliseconds
 */
export function planBudgets(
  { STEP_BUDGETS, COMPOSE_BUDGET_MS }: Pick<WorkerConfig, 'STEP_BUDGETS' | 'COMPOSE_BUDGET_MS'>,
  msLeft: number,
  now: () => number = () => performance.now(),
  moreMs = 0,
): Budgets {
  const budgets = readStepBudgets(STEP_BUDGETS) as StepBudgets;
  const deadline = now() + msLeft;
  const leftMs = () => deadline - now();
  const within = (ms: number) => Math.max(1, Math.min(ms, Math.floor(leftMs() - closingMs)));
  const modelMs = COMPOSE_BUDGET_MS ?? budgets.compose;
  return {
    leftMs,
    atMost: within,
    of: (step) => budgets[step],
    ofModel: () => ({ ms: within(modelMs), cutShort: within(modelMs) < modelMs }),
    wholeMs: Object.values(budgets).reduce((sum, ms) => sum + ms, 0) - budgets.compose + modelMs + moreMs,
  };
}
