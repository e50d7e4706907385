import { beginToolCall, endToolCall, noteDenied } from '../../src/db/tool-calls.ts';
import { fingerprint } from '../../src/fingerprint.ts';
import type { Context } from '../context.ts';
import type { ToolCall } from './obvious-call.ts';
import { installationOf } from './open-toolbox.ts';
import { breaksRule, type Caller, decide } from './policy.ts';
import { type Tool, ToolFault, type ToolFaultCode } from './tool.ts';

export interface Calling extends Caller {
  answer: { id: string; apiKeyId: string };
  /** Whether tools_policy is on for this answer. */
  policyOn: boolean;
  timeoutMs: number;
  /** Of the answer: when it fires, the call rejects with its reason. */
  signal: AbortSignal;
}

interface Fault {
  code: ToolFaultCode;
  /** As the log of calls has it. */
  reason: string;
}

interface Outcome {
  /** null: there is none, for the reason that `fault` gives. */
  text: string | null;
  bytes: number;
  fault: Fault | null;
}

export interface Called extends Outcome {
  name: string;
  argumentsHash: string;
  calledAt: Date;
  ms: number;
}

type Tools = Pick<Context, 'config' | 'db' | 'log' | 'metrics' | 'toolbox'>;

/** Longest name that is noted: longer than any tool can have. */
const longestName = 110;

/**
 * Calls a tool for an answer, if it may: policy, the tool's own schema, the operator's rules, budgets, in this order, each
 * decision noted with its reason. What fails is told in `fault`; it throws when the answer itself is to end, or the database
 * is gone.
 */
export async function callTool(call: ToolCall, calling: Calling, tools: Tools): Promise<Called> {
  const started = performance.now();
  const elapsed = () => Math.round((performance.now() - started) * 10) / 10;
  const made = {
    // As a plan has it: a name that no row could hold is no tool's.
    name: call.name.replace(/[\0\p{Surrogate}]/gu, '').slice(0, longestName),
    argumentsHash: fingerprint(call.arguments),
    calledAt: new Date(),
  };
  const outcome = await attempt(call, made, calling, tools, elapsed);
  const [server = ''] = call.name.split('.', 1);
  const label = tools.toolbox.servers.includes(server) ? server : 'unknown';
  tools.metrics.toolCalls.inc({ server: label, outcome: outcome.fault?.code ?? 'ok' });
  return { ...made, ...outcome, ms: elapsed() };
}

async function attempt(
  call: ToolCall,
  { name, argumentsHash }: Pick<Called, 'name' | 'argumentsHash'>,
  calling: Calling,
  tools: Tools,
  elapsed: () => number,
): Promise<Outcome> {
  const { config, db } = tools;
  const { answer, policyOn, timeoutMs } = calling;
  const watch = watchTime(calling);
  const row = { answerId: answer.id, apiKeyId: answer.apiKeyId, tool: name, argumentsHash };
  const admitted = await admit(call, calling, tools, watch);
  if ('fault' in admitted) {
    await noteDenied(db, { ...row, reason: admitted.fault.reason });
    return without(admitted.fault);
  }
  const { id, refused } = await beginToolCall(
    db,
    { ...row, reason: admitted.reason },
    { perAnswer: config.TOOL_CALLS_PER_ANSWER, perDay: policyOn ? config.TOOL_CALLS_PER_DAY : undefined },
  );
  if (refused) return without({ code: 'budget', reason: refused });
  const options = { timeoutMs: Math.max(1, timeoutMs - elapsed()), signal: watch.signal };
  const outcome = await admitted.tool.call(call.arguments, options).then(
    (result): Outcome => ({ ...result, fault: null }),
    (error) => without(watch.faultOf(error)),
  );
  if (outcome.fault) tools.log.info({ tool: name, code: outcome.fault.code }, 'a tool failed');
  await endToolCall(db, id, { outcome: outcome.fault?.code ?? 'ok', ms: elapsed(), bytes: outcome.bytes });
  return outcome;
}

function without(fault: Fault): Outcome {
  return { text: null, bytes: 0, fault };
}

/** All that is decided before budgets are touched; no server is asked about a tool that may not be called. */
async function admit(
  { name, arguments: given }: ToolCall,
  calling: Calling,
  { config, toolbox }: Tools,
  watch: Watch,
): Promise<{ tool: Tool; reason: string } | { fault: Fault }> {
  const decision = decide(name, calling.policyOn, calling, installationOf(config));
  if (!decision.allowed) return { fault: { code: 'denied', reason: decision.reason } };
  try {
    const tool = await toolbox.find(name, watch.signal);
    if (tool.check(given) !== null) return { fault: { code: 'bad_arguments', reason: 'arguments' } };
    if (calling.policyOn && breaksRule(name, given, config.toolRules, toolbox.checks))
      return { fault: { code: 'denied', reason: 'rule' } };
    return { tool, reason: decision.reason };
  } catch (error) {
    return { fault: watch.faultOf(error) };
  }
}

interface Watch {
  /** Fires when the call's time is up, or the answer is to end. */
  signal: AbortSignal;
  /** Throws what is not the tool's fault. */
  faultOf(error: unknown): Fault;
}

function watchTime({ signal, timeoutMs }: Pick<Calling, 'signal' | 'timeoutMs'>): Watch {
  const late = AbortSignal.timeout(Math.max(1, Math.round(timeoutMs)));
  return {
    signal: AbortSignal.any([signal, late]),
    faultOf: (error) => {
      if (signal.aborted) throw signal.reason;
      if (error instanceof ToolFault) return { code: error.code, reason: error.code };
      if (late.aborted) return { code: 'timeout', reason: 'timeout' };
      throw error;
    },
  };
}
