import { z } from 'zod';
import type { Context } from '../context.ts';
import type { JsonSchema, Llm } from '../llm/llm.ts';
import { callModel } from './call-model.ts';
import { unseen, withoutMarks } from './datamark.ts';
import { overBudget } from './degrade.ts';
import { withoutForeignLinks } from './foreign-links.ts';
import type { ModelLedger } from './model-ledger.ts';
import type { Plan } from './plan.ts';
import { type PlannableTool, writePlanPrompt } from './plan-prompt.ts';
import { complexities } from './plan-rules.ts';
import { markOf, pickBoundary } from './prompt.ts';
import { drawFrom, newSeed, type Seeded } from './seed.ts';
import { longestSubQuestion, mostSubQuestions } from './split-question.ts';

export type { PlannableTool } from './plan-prompt.ts';
/** Or why there is none, a sentence. */
export type ModelPlan = { plan: Plan } | { reason: string };

interface Asking {
  tools: readonly PlannableTool[];
  budgetMs: number;
  context: Context & Seeded;
  ledger: ModelLedger;
}

const maxOutputTokens = 400;
const [mostTools, longestArguments, longestReasoning] = [3, 4000, 300];

/** One call of the model for a plan, held against what a plan may be. Rejects with the signal's reason when that fires. */
export async function planByModel(
  llm: Llm,
  question: string,
  { tools, budgetMs, context, ledger }: Asking,
): Promise<ModelPlan> {
  const { draw = drawFrom(newSeed()), signal } = context;
  const boundary = pickBoundary(
    [question, ...tools.map((tool) => JSON.stringify(tool))].join('\n'),
    [],
    draw,
  );
  const prompt = writePlanPrompt(question, tools, boundary);
  const called = await callModel(llm, prompt, {
    ...{ ledger, maxOutputTokens, budgetMs, firstTextMs: budgetMs, signal },
    // Too slow to plan within so little is no fault of the model's.
    ...{ cutShort: true, schema: planSchema(tools), onText: () => undefined },
  });
  if ('refused' in called) return { reason: overBudget(called.refused).reason };
  if ('fault' in called) return { reason: called.fault.message };
  return readPlan(called.reply.text, { question, mark: markOf(boundary), tools });
}

/** What the model is held to. Arguments of tools are JSON in a string: their form is each tool's own. */
export function planSchema(tools: readonly PlannableTool[]): JsonSchema {
  const text = { type: 'string' } as const;
  const call = {
    type: 'object',
    properties: { name: { ...text, enum: tools.map(({ name }) => name) }, arguments: text },
    required: ['name', 'arguments'],
  } as const;
  return {
    type: 'object',
    properties: {
      complexity: { ...text, enum: complexities },
      sub_questions: { type: 'array', items: text },
      ...(tools.length > 0 && { tools: { type: 'array', items: call } }),
      reasoning: text,
    },
    required: ['complexity', 'sub_questions', 'reasoning'],
  };
}

const json = z
  .string()
  .max(longestArguments)
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue('is no JSON');
      return z.NEVER;
    }
  });
const reply = z.object({
  complexity: z.enum(complexities),
  sub_questions: z.array(z.string().max(longestSubQuestion)).max(mostSubQuestions),
  tools: z
    .array(z.object({ name: z.string(), arguments: json.pipe(z.record(z.string(), z.unknown())) }))
    .max(mostTools)
    .default([]),
  reasoning: z.string(),
});

/** The model's text as a plan, if it is one: what it asks for must exist, and be within what a plan may ask for. */
export function readPlan(
  text: string,
  { question, mark, tools }: { question: string; mark: string; tools: readonly PlannableTool[] },
): ModelPlan {
  const unusable = (why: string) => ({ reason: `Its plan was not usable: ${why}.` });
  let given: unknown;
  try {
    given = JSON.parse(text.trim().replace(/^```(?:json)?\s*|\s*```$/gu, ''));
  } catch {
    return unusable('it is no JSON');
  }
  const { data, error } = reply.safeParse(given);
  if (!data) {
    const [issue] = error.issues;
    return unusable(`${issue?.path.join('.') || 'the reply'}: ${issue?.message ?? 'wrong'}`);
  }
  const unknown = data.tools.find(({ name }) => !tools.some((tool) => tool.name === name));
  if (unknown) return unusable('it names a tool that does not exist');
  const subQuestions = clean(data.sub_questions, mark).filter((one) => one !== question.trim());
  const several = subQuestions.length > 1;
  return {
    plan: {
      complexity: data.complexity,
      strategy: several ? 'multi_step' : 'direct',
      subQuestions: several ? subQuestions : [],
      ...{ tools: data.tools, by: 'model' },
      reasoning: withoutForeignLinks(plain(data.reasoning, mark), []).slice(0, longestReasoning),
    },
  };
}

function clean(texts: readonly string[], mark: string): string[] {
  return [...new Set(texts.map((text) => plain(text, mark)).filter((text) => text !== ''))];
}

/** One line that shows all it has. The database holds neither NUL nor half a surrogate pair. */
function plain(text: string, mark: string): string {
  return withoutMarks(text, mark)
    .replace(unseen, '')
    .replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
    .trim();
}
