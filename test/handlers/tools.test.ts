import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listToolCalls } from '../../src/db/tool-calls.ts';
import { listToolServers } from '../../src/db/tool-servers.ts';
import { type FlagKey, flagKeys } from '../../src/flags.ts';
import { planBudgets } from '../../workers/answer/budgets.ts';
import { readIntent } from '../../workers/answer/intent.ts';
import { offeredTools } from '../../workers/answer/offered-tools.ts';
import type { AnswerRequest } from '../../workers/answer/run-steps.ts';
import { suspectsLast } from '../../workers/answer/suspicion.ts';
import { toolsStep } from '../../workers/answer/tools-step.ts';
import type { ToolCall } from '../../workers/tools/obvious-call.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { type HttpToolServer, hugeBytes, injection, startHttpToolServer } from '../support/tool-server.ts';

let server: HttpToolServer;
let bench: HandlerBench;

beforeAll(async () => {
  server = await startHttpToolServer();
  bench = await openBench({
    MCP_SERVERS: JSON.stringify({ web: { url: server.url }, gone: { url: 'http://127.0.0.1:9/mcp' } }),
    TOOL_WHITELIST: 'web.*,builtin.*,files.*@write',
    TOOL_RULES: JSON.stringify({ 'web.weather': { deny: ['atlantis'] } }),
    TOOL_TIMEOUT_MS: '10000',
    TOOL_CALLS_PER_ANSWER: '3',
    TOOL_CALLS_PER_DAY: '6',
  });
});
afterAll(async () => {
  await bench.close();
  await server.close();
});

const question = 'Can we have lunch outside in Busan?';
const call = (name: string, given: Record<string, unknown> = {}): ToolCall => ({ name, arguments: given });
const weather = (city: string) => call('web.weather', { city });

function flags(...on: FlagKey[]): NonNullable<AnswerRequest['flags']> {
  const states = flagKeys.map(
    (key) => [key, { on: on.includes(key), reason: 'stored', percent: 100 }] as const,
  );
  return Object.fromEntries(states) as NonNullable<AnswerRequest['flags']>;
}

interface Wish {
  on?: FlagKey[];
  config?: Record<string, unknown>;
  request?: Partial<AnswerRequest>;
  id?: string;
  key?: string;
}

/** The step as an answer has it run. */
async function run(tools: ToolCall[], { on = ['mcp_tools'], config = {}, request = {}, id, key }: Wish = {}) {
  const { context } = bench;
  const answer = { id: id ?? randomUUID(), api_key_id: key ?? randomUUID() };
  const asked = {
    ...{ answer, question, intent: readIntent(question, 'answer', 'drop') },
    request: {
      mode: 'answer',
      final_topk: 5,
      strategy: 'auto',
      flags: flags(...on),
      ...request,
    } as AnswerRequest,
  };
  const own = { ...context, config: { ...context.config, ...config } };
  const used = await toolsStep({ tools }, asked, own, planBudgets(own.config, 60_000));
  const noted = await listToolCalls(context.db, { answerId: answer.id, limit: 50 });
  return { ...used, noted: noted.items, answer };
}

describe('the step of tools', () => {
  it('does nothing with the flag off, and asks no server', async () => {
    const before = server.requests.length;
    const used = await run([weather('Busan')], { on: ['tools_policy'] });
    expect(used).toMatchObject({ passages: [], noted: [], direct: false, step: { outcome: 'skipped' } });
    expect(used.calls).toBeUndefined();
    expect(server.requests.length).toBe(before);
  });

  it('makes what a tool says a passage of its own, and notes the call without its arguments', async () => {
    const { answer, calls, noted, passages, step } = await run([weather('Busan')]);
    expect(step).toMatchObject({ name: 'tools_debate', outcome: 'ok', detail: 'web.weather: called.' });
    expect(passages).toMatchObject([
      {
        text: 'It is 21 degrees and sunny in Busan at noon.',
        tool: { name: 'web.weather', server: 'web', calledAt: expect.any(Date) },
      },
    ]);
    expect(calls).toEqual([{ name: 'web.weather', ok: true, ms: expect.any(Number), bytes: 44 }]);
    expect(noted).toMatchObject([
      {
        ...{ answer_id: answer.id, api_key_id: answer.api_key_id, tool: 'web.weather' },
        ...{ decision: 'allowed', reason: 'listed', outcome: 'ok', bytes: 44 },
      },
    ]);
    expect(JSON.stringify(noted)).not.toContain('Busan');
  });

  it('takes no harm from servers that hang, lie, flood, die, or are not there', async () => {
    const bad = ['hang', 'lie', 'malformed', 'die', 'huge'];
    for (const name of bad) {
      const { calls, passages, step } = await run([call(`web.${name}`)], {
        config: { TOOL_TIMEOUT_MS: 1500 },
      });
      expect([name, passages.length, calls?.[0]?.ok, step.outcome]).toEqual([name, 0, false, 'degraded']);
      // Whatever it broke is whole again after its pause.
      await expect
        .poll(async () => (await run([weather('Jeju')])).passages.length, { timeout: 60_000, interval: 200 })
        .toBe(1);
    }
    const { calls } = await run([call('gone.weather'), call('no\0body.weather'), weather('Ulsan')]);
    expect(calls?.map(({ error, ok }) => [ok, error])).toEqual([
      [false, 'denied'],
      [false, 'denied'],
      [true, undefined],
    ]);
    const known = await listToolServers(bench.context.db);
    expect(known.map(({ name }) => name)).toEqual(['builtin', 'gone', 'web']);
    expect(hugeBytes).toBeGreaterThan(bench.context.config.TOOL_RESULT_BYTES);
  });

  it('treats what a tool says like a stranger’s document', async () => {
    const { calls, passages } = await run([call('web.inject')]);
    expect(passages[0]?.text).toBe(injection);
    expect(calls?.[0]?.suspicions).toEqual(expect.arrayContaining(['override', 'dictated_answer']));
    expect(suspectsLast(passages).suspects).toHaveLength(1);
  });

  it('calls nothing whose arguments are not as declared', async () => {
    const { calls, noted } = await run([call('web.weather', { city: 7 }), call('web.weather')]);
    expect(calls?.map(({ error }) => error)).toEqual(['bad_arguments', 'bad_arguments']);
    expect(noted.map(({ decision, reason }) => [decision, reason])).toEqual([
      ['denied', 'arguments'],
      ['denied', 'arguments'],
    ]);
  });
});

describe('the tools that may be planned', () => {
  const offered = async (request: Partial<AnswerRequest>, config = {}) => {
    const own = { ...bench.context, config: { ...bench.context.config, ...config } };
    const tools = await offeredTools(request as AnswerRequest, own, planBudgets(own.config, 60_000));
    return tools.map(({ name }) => name);
  };

  it('are those that the answer could call', async () => {
    expect(await offered({ flags: flags('tools_policy') })).toEqual([]);
    const all = await offered({ flags: flags('mcp_tools') });
    expect(all).toEqual(expect.arrayContaining(['builtin.calculator', 'web.weather']));
    expect(all).not.toContain('web.poisoned');
    const listed = { TOOL_WHITELIST: 'web.weather', ENVIRONMENT: 'production' };
    expect(await offered({ flags: flags('mcp_tools', 'tools_policy') }, listed)).toEqual(['web.weather']);
    const access = { tools: ['builtin.now'] };
    expect(await offered({ flags: flags('mcp_tools'), access })).toEqual(['builtin.now']);
  });
});

describe('the policy', () => {
  const on: FlagKey[] = ['mcp_tools', 'tools_policy'];

  it('denies in production what is not listed, with it on and off', async () => {
    for (const flagsOn of [on, ['mcp_tools'] as FlagKey[]]) {
      const { noted } = await run([weather('Busan')], {
        on: flagsOn,
        config: { ENVIRONMENT: 'production', TOOL_WHITELIST: flagsOn.length === 2 ? '' : 'web.*' },
      });
      expect(noted).toMatchObject([{ decision: 'denied', reason: 'not_listed', outcome: null }]);
    }
    const listed = await run([weather('Busan')], { on, config: { ENVIRONMENT: 'production' } });
    expect(listed.passages).toHaveLength(1);
  });

  it('goes by scope, by key and by rule', async () => {
    const reasonOf = async (one: ToolCall, request: Partial<AnswerRequest> = {}) =>
      (await run([one], { on, request })).noted[0]?.reason;
    expect(await reasonOf(call('files.read'))).toBe('scope');
    expect(await reasonOf(weather('Busan'), { access: { tools: ['files.*'] } })).toBe('key');
    expect(await reasonOf(weather('Atlantis'))).toBe('rule');
    expect(await reasonOf(weather('Busan'), { access: { tools: ['web.weather'] } })).toBe('listed');
  });

  it('keeps to the budgets of answer and key, side by side too', async () => {
    const [key, id] = [randomUUID(), randomUUID()];
    const three = ['Busan', 'Jeju', 'Ulsan'].map(weather);
    await Promise.all([run(three, { on, id, key }), run(three, { on, id, key })]);
    const { items } = await listToolCalls(bench.context.db, { answerId: id, limit: 50 });
    expect(items.filter(({ decision }) => decision === 'allowed')).toHaveLength(3);
    expect(items.filter(({ reason }) => reason === 'answer_budget')).toHaveLength(3);
    const more = [await run(three, { on, key }), await run(three, { on, key })].flatMap(({ noted }) => noted);
    expect(more.filter(({ decision }) => decision === 'allowed')).toHaveLength(3);
    expect(more.filter(({ reason }) => reason === 'day_budget')).toHaveLength(3);
    // Without the policy the budget of the day does not count.
    expect((await run([weather('Busan')], { key })).noted[0]?.decision).toBe('allowed');
  });
});
