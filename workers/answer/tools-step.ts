import type { AnswerResult } from '../../src/answer-result.ts';
import { mayCall } from '../../src/assistants.ts';
import type { ClaimedAnswer } from '../../src/db/answers.ts';
import type { Passage } from '../../src/retrieval/passage.ts';
import type { Context } from '../context.ts';
import { type Called, callTool } from '../tools/call-tool.ts';
import { obviousCall, type ToolCall } from '../tools/obvious-call.ts';
import type { Budgets } from './budgets.ts';
import type { Intent } from './intent.ts';
import type { AnswerRequest } from './run-steps.ts';
import { degradedStep, type Step, skippedStep } from './steps.ts';
import { findSuspicions } from './suspicion.ts';
import { readable, toolPassage } from './tool-passage.ts';

export interface ToolsUsed {
  step: Step;
  /** What the tools said, in the order of their calls. */
  passages: Passage[];
  /** Each call and how it went; undefined when no tool was to be called. */
  calls?: NonNullable<AnswerResult['tools']>;
  /** The question was nothing but a call of one of our own tools: what that said is the answer. */
  direct: boolean;
}

export interface ToolsFor {
  answer: Pick<ClaimedAnswer, 'id' | 'api_key_id'>;
  question: string;
  intent: Intent;
  request: AnswerRequest;
}

const nobody = '00000000-0000-0000-0000-000000000000';

/**
 * Calls the tools that the plan names, all at a time, and the one that the question obviously is. Tools can't fail an answer:
 * what they don't say in time is missing, and told.
 */
export async function toolsStep(
  plan: { tools: readonly ToolCall[] } | null,
  asked: ToolsFor,
  context: Context,
  budgets: Budgets,
): Promise<ToolsUsed> {
  const { config } = context;
  const { flags } = asked.request;
  if (flags?.mcp_tools?.on !== true) return unused('Neither tools nor debate are on.');
  const { language } = asked.intent;
  const may = ({ name }: ToolCall) => mayCall(asked.request.assistant, name);
  const obvious = [obviousCall(asked.question, { language, timeZone: config.TOOL_TIME_ZONE })]
    .filter((call) => call !== undefined)
    .find(may);
  const planned = distinct(plan?.tools ?? []).filter(may);
  const wanted = obvious ? [obvious] : planned.slice(0, config.TOOL_CALLS_PER_ANSWER);
  if (wanted.length === 0) return unused('No tool was called for.');
  const started = performance.now();
  const budgetMs = budgets.atMost(config.TOOL_TIMEOUT_MS);
  const called = await Promise.all(
    wanted.map((call) => callTool(call, callingOf(asked, budgetMs, context), context)),
  );
  const passages = called.flatMap((one) => passagesOf(one, config.PII_POLICY !== 'off'));
  const ms = Math.round((performance.now() - started) * 10) / 10;
  const step: Step = { name: 'tools_debate', ms, outcome: 'ok', budget_ms: budgetMs, detail: told(called) };
  const missing = called.some(({ fault }) => fault !== null);
  return {
    step: missing ? degradedStep(step, told(called)) : step,
    passages,
    calls: called.map((one) => shown(one, passages)),
    direct: obvious !== undefined && passages.length > 0,
  };
}

function unused(detail: string): ToolsUsed {
  return { step: skippedStep('tools_debate', detail), passages: [], direct: false };
}

function callingOf({ answer, request }: ToolsFor, timeoutMs: number, { signal }: Context) {
  const { access, flags, scope = 'read' } = request;
  return {
    ...{ scope, access, timeoutMs, signal, policyOn: flags?.tools_policy?.on === true },
    answer: { id: answer.id, apiKeyId: answer.api_key_id ?? nobody },
  };
}

function distinct(calls: readonly ToolCall[]): ToolCall[] {
  const known = new Map(calls.map((call) => [JSON.stringify([call.name, call.arguments]), call]));
  return [...known.values()];
}

function passagesOf(called: Called, masks: boolean): Passage[] {
  const text = called.text === null ? '' : readable(called.text, masks);
  return text.trim() === '' ? [] : [toolPassage(called, text)];
}

function told(called: readonly Called[]): string {
  return called.map(({ fault, name }) => `${name}: ${fault ? fault.reason : 'called'}.`).join(' ');
}

function shown({ argumentsHash, bytes, fault, ms, name }: Called, passages: readonly Passage[]) {
  const passage = passages.find(({ tool }) => tool?.name === name && tool.argumentsHash === argumentsHash);
  const suspicions = passage ? findSuspicions(passage.text) : [];
  return {
    ...{ name, ok: fault === null, ms, bytes },
    ...(fault ? { error: fault.code, reason: fault.reason } : {}),
    ...(suspicions.length > 0 ? { suspicions } : {}),
  };
}
