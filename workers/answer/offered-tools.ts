import { mayCall } from '../../src/assistants.ts';
import type { Context } from '../context.ts';
import { installationOf } from '../tools/open-toolbox.ts';
import { decide } from '../tools/policy.ts';
import type { Tool } from '../tools/tool.ts';
import type { Budgets } from './budgets.ts';
import type { AnswerRequest } from './run-steps.ts';

/**
 * The tools that a planner may plan for this answer: those that the policy would let it call, of the servers that answer in
 * time. None with mcp_tools off, and then no server is asked. Descriptions are strangers' texts.
 */
export async function offeredTools(
  request: AnswerRequest,
  { config, signal, toolbox }: Context,
  budgets: Budgets,
): Promise<Tool[]> {
  const { access, flags, scope = 'read' } = request;
  if (flags?.mcp_tools?.on !== true) return [];
  const policyOn = flags.tools_policy?.on === true;
  const installation = installationOf(config);
  const passes = (name: string) => decide(name, policyOn, { scope, access }, installation).allowed;
  // A server none of whose tools could pass is not even connected to.
  const mayPass = (server: string) =>
    installation.allowList.some(({ pattern }) => pattern === '*' || pattern.startsWith(`${server}.`));
  const late = AbortSignal.timeout(budgets.atMost(config.TOOL_TIMEOUT_MS));
  const tools = await toolbox.list(AbortSignal.any([signal, late]), mayPass);
  signal.throwIfAborted();
  return tools.filter(({ name }) => passes(name) && mayCall(request.assistant, name));
}
