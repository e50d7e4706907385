export const stepNames = [
  'intent',
  'retrieve',
  'plan',
  'tools_debate',
  'compose',
  'cite',
  'respond',
] as const;
export type StepName = (typeof stepNames)[number];

/** What a step may take, in milliseconds. */
export type StepBudgets = Readonly<Record<StepName, number>>;

/** They add up to the 4 s that an answer is to take at most. */
const usualBudgets: StepBudgets = {
  intent: 100,
  retrieve: 600,
  plan: 400,
  tools_debate: 400,
  compose: 2200,
  cite: 200,
  respond: 100,
};

const mostMs = 600_000;

/** `name=milliseconds,…`, the others as usual; undefined where it is not of that form. */
export function readStepBudgets(list: string): StepBudgets | undefined {
  const budgets: Record<StepName, number> = { ...usualBudgets };
  for (const part of list.split(',').filter((one) => one.trim() !== '')) {
    const [, named, ms] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    const name = stepNames.find((one) => one === named);
    if (!name || Number(ms) < 1 || Number(ms) > mostMs) return undefined;
    budgets[name] = Number(ms);
  }
  return budgets;
}

export const stepOutcomes = ['ok', 'skipped', 'timeout', 'error', 'degraded'] as const;
export type StepOutcome = (typeof stepOutcomes)[number];

/** How a step went, as the answer resource shows it. */
export interface Step {
  name: StepName;
  /** Monotonic milliseconds, to a tenth. */
  ms: number;
  outcome: StepOutcome;
  detail?: string;
  /** What it had; left out for a step that was not run. */
  budget_ms?: number;
}

export interface StepResult<T> {
  /** null when the step ran out of time or failed. */
  value: T | null;
  step: Step;
  /** What the step threw, for the log and for the caller to decide whether the whole answer fails. */
  error?: unknown;
}

/**
 * Runs one step within its budget. `fn` gets a signal that fires when the budget is spent or the outer signal fires, and
 * should stop then; the result doesn't wait for one that goes on regardless. Running over budget yields null and `timeout`,
 * a throw yields null and `error`. When the outer signal fires the step rejects with that signal's reason.
 */
export async function runStep<T>(
  name: StepName,
  budgetMs: number,
  signal: AbortSignal,
  fn: (signal: AbortSignal) => T | Promise<T>,
): Promise<StepResult<T>> {
  signal.throwIfAborted();
  const started = performance.now();
  const done = (outcome: StepOutcome, detail?: string): Step => {
    const ms = Math.round((performance.now() - started) * 10) / 10;
    return { name, ms, outcome, budget_ms: budgetMs, ...(detail === undefined ? {} : { detail }) };
  };
  const budget = AbortSignal.timeout(budgetMs);
  const both = AbortSignal.any([signal, budget]);
  try {
    const value = await untilAborted(both, fn);
    return { value, step: done('ok') };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (budget.aborted)
      return { value: null, step: done('timeout', `The step took longer than ${budgetMs} ms.`), error };
    return {
      value: null,
      step: done('error', error instanceof Error ? error.message : String(error)),
      error,
    };
  }
}

/** A step that was not run, with the reason in a sentence. */
export function skippedStep(name: StepName, detail: string): Step {
  return { name, ms: 0, outcome: 'skipped', detail };
}

/** The same step marked as having delivered less than it should, with the reason in a sentence. */
export function degradedStep(step: Step, detail: string): Step {
  return { ...step, outcome: 'degraded', detail };
}

/** Rejects with the signal's reason once that fires, whether `fn` heeds it or not. */
export async function untilAborted<T>(
  signal: AbortSignal,
  fn: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([aborted, (async () => fn(signal))()]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}
