import type { Retrieval } from '../../src/retrieval/passage.ts';
import type { Context } from '../context.ts';
import type { Budgets } from './budgets.ts';
import type { ModelLedger } from './model-ledger.ts';
import { mergePassages } from './plan-merge.ts';
import { type ModelPlan, type PlannableTool, planByModel } from './plan-model.ts';
import { planByRules } from './plan-rules.ts';
import { searchSubQuestions } from './plan-search.ts';
import type { AnswerRequest } from './run-steps.ts';
import type { Seeded } from './seed.ts';
import { degradedStep, type Step, skippedStep } from './steps.ts';

/** How a question is to be answered. */
export interface Plan {
  complexity: 'simple' | 'medium' | 'complex';
  /** `multi_step`: the sub-questions are searched too. */
  strategy: 'direct' | 'multi_step';
  /** Two at least, or none; each stands for itself. */
  subQuestions: string[];
  tools: { name: string; arguments: Record<string, unknown> }[];
  by: 'heuristic' | 'model';
  reasoning: string;
}

export interface Planned {
  /** null: no planner is on. */
  plan: Plan | null;
  /** What was found for the question, joined by what was found for its parts. */
  retrieval: Retrieval;
  step: Step;
}

/** With what a plan is made. */
export interface Planning {
  request: AnswerRequest;
  /** What was found for the question as it is. */
  found: Retrieval;
  /** That a model may plan to be called. */
  tools?: readonly PlannableTool[];
  budgets: Budgets;
  context: Context & Seeded;
  ledger: ModelLedger;
}

/**
 * The step plan: rules say how complex the question is and what parts it has; a model, where there is one, plans what is not
 * simple, within a time of its own. Then the parts are searched side by side within the step's budget, and what they find is
 * merged with what the question itself found. Nothing of it fails an answer: without the model the rules' plan stands, and
 * without a part's passages the others do. Rejects with the signal's reason when that fires.
 */
export async function planStep(question: string, planning: Planning): Promise<Planned> {
  const { request, found, budgets, context } = planning;
  if (request.flags?.meta_planner?.on !== true)
    return { plan: null, retrieval: found, step: skippedStep('plan', 'No planner is on.') };
  const started = performance.now();
  const { plan, modelMs, reason } = await makePlan(question, planning);
  const budgetMs = budgets.atMost(budgets.of('plan'));
  const subs =
    plan.strategy === 'direct'
      ? null
      : await searchSubQuestions(plan.subQuestions, { request, found, budgetMs, context });
  const passages = subs ? mergePassages(found.passages, subs.lists, request.final_topk) : found.passages;
  context.metrics.plans.inc({ by: plan.by, strategy: plan.strategy });
  const ms = Math.round((performance.now() - started) * 10) / 10;
  const step: Step = {
    name: 'plan',
    ms,
    outcome: 'ok',
    budget_ms: budgetMs + modelMs,
    detail: describe(plan),
  };
  const lacks = [reason, subs?.reason].filter(Boolean).join(' ');
  return {
    plan,
    retrieval: subs ? { ...found, passages } : found,
    step: lacks === '' ? step : degradedStep(step, `${step.detail} ${lacks}`),
  };
}

function describe({ by, complexity, subQuestions }: Plan): string {
  const searched =
    subQuestions.length > 0 ? `${subQuestions.length} sub-questions were searched` : 'one search';
  return `By ${by}: ${complexity}, ${searched}.`;
}

/** The plan to follow; what the model had, milliseconds; and why its plan is not the one, where it was to make it. */
async function makePlan(
  question: string,
  { tools = [], budgets, context, ledger }: Planning,
): Promise<{ plan: Plan; modelMs: number; reason: string | null }> {
  const rules = planByRules(question);
  const { llm, config } = context;
  const mostMs = config.PLAN_MODEL_BUDGET_MS;
  const asks = llm && mostMs > 0 && (rules.complexity !== 'simple' || tools.length > 0);
  if (!asks) return { plan: rules, modelMs: 0, reason: null };
  const condition = llm.condition?.() ?? 'closed';
  if (condition !== 'closed')
    return {
      plan: rules,
      modelMs: 0,
      reason: `The language model was not asked for a plan: it is ${condition}.`,
    };
  // The answer itself comes first.
  if (budgets.leftMs() < budgets.wholeMs)
    return {
      plan: rules,
      modelMs: 0,
      reason: 'The deadline left no time to ask the language model for a plan.',
    };
  const made: ModelPlan = await planByModel(llm, question, { tools, budgetMs: mostMs, context, ledger });
  return 'plan' in made
    ? { plan: made.plan, modelMs: mostMs, reason: null }
    : { plan: rules, modelMs: mostMs, reason: `The rules planned, not the language model: ${made.reason}` };
}
