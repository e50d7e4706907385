import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { handbook } from '../support/handbook.ts';
import { type LlmStandIn, llmStandIns } from '../support/llm-stand-in.ts';
import { addDocuments, ask, type Json, startService, type TestService } from '../support/service.ts';
import { stdioToolServer } from '../support/tool-server.ts';
import { waitFor } from '../support/wait-for.ts';

let standIn: LlmStandIn;
let service: TestService;

beforeAll(async () => {
  standIn = await llmStandIns.gemini({ apiKey: 'a-model-key-that-nobody-may-see' });
  service = await startService({
    ...standIn.environment,
    ...{ COMPOSE_BUDGET_MS: '5000', STEP_BUDGETS: 'retrieve=5000,plan=5000', PLAN_MODEL_BUDGET_MS: '5000' },
    ...{ LLM_BREAKER_SECONDS: '0', ANSWER_CACHE_TTL_SECONDS: '0' },
    ...{ MCP_SERVERS: JSON.stringify({ pipe: stdioToolServer }), TOOL_WHITELIST: 'pipe.*' },
  });
  await addDocuments(service.admin, handbook);
  for (const flag of ['meta_planner', 'tools_policy']) await turn(flag, true);
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});
beforeEach(() => standIn.script([]));

async function turn(flag: string, enabled: boolean): Promise<void> {
  const reply = await service.admin.put(`/api/v1/admin/flags/${flag}`, { enabled, reason: 'a test' });
  expect(reply.status).toBe(200);
}

const question = 'Is it sunny in Busan at noon?';
const weather = { name: 'pipe.weather', arguments: '{"city":"Busan"}' };

/** Has the model plan these calls, and write what `written` says, or a proper answer. */
const plans = (tools: { name: string; arguments: string }[], written?: string) =>
  standIn.script(({ system }) => {
    if (!system.startsWith('You plan')) return written === undefined ? undefined : { text: written };
    const plan = { complexity: 'medium', sub_questions: [], tools, reasoning: 'Nobody writes it down.' };
    return { text: JSON.stringify(plan) };
  });
const call = (name: string) => ({ name: `pipe.${name}`, arguments: '{}' });

const answered = (): Promise<Json> => ask(service.admin, { question, abstain_below: 0 });
const callsOf = async ({ id }: Json): Promise<Json[]> =>
  (await service.admin.get(`/api/v1/admin/tools/calls?answer_id=${id}`)).body.items;
const stepOf = ({ steps }: Json) => steps.find(({ name }: Json) => name === 'tools_debate');

/** Under this plan, once the server has started and the weather was told: a busy machine takes more than tools may. */
const once = (done: (answer: Json) => boolean): Promise<Json> =>
  waitFor('an answer with what tools said', async () => {
    const answer = await answered();
    return done(answer) && answer;
  });

describe('a tool of a server that the operator configured', () => {
  it('is neither offered nor called with mcp_tools off', async () => {
    plans([weather]);
    const before = standIn.shown().length;
    const answer = await answered();
    expect(answer).toMatchObject({ status: 'completed', plan: { by: 'heuristic' } });
    expect(answer).not.toHaveProperty('tools');
    expect(answer.sources.filter(({ kind }: Json) => kind === 'tool')).toEqual([]);
    expect(JSON.stringify(standIn.shown().slice(before))).not.toContain('pipe.weather');
    expect(await callsOf(answer)).toEqual([]);
    const { items } = (await service.admin.get('/api/v1/admin/tools')).body;
    expect(items.find(({ name }: Json) => name === 'pipe')?.condition).toBe('unopened');
  });

  it('is called as planned, and what it says is cited and verified', async () => {
    await turn('mcp_tools', true);
    plans([weather]);
    const answer = await once(({ tools }) => tools?.[0]?.ok);
    expect(answer).toMatchObject({
      ...{ status: 'completed', abstained: false, model: 'gemini-2.5-flash' },
      plan: { by: 'model', tools: [{ name: 'pipe.weather', arguments: { city: 'Busan' } }] },
      tools: [{ name: 'pipe.weather', ok: true, bytes: 44 }],
    });
    const source = answer.sources.find(({ kind }: Json) => kind === 'tool');
    expect(source).toMatchObject({
      ...{ document_id: null, chunk_id: null, version: null, verified: true },
      quote: 'It is 21 degrees and sunny in Busan at noon.',
      tool: { name: 'pipe.weather', server: 'pipe', called_at: expect.any(String) },
    });
    expect(source.text.slice(...source.char_range)).toBe(source.quote);
    for (const [, end] of source.answer_spans)
      expect(answer.answer.slice(end)).toMatch(new RegExp(`^(?: \\[\\d+\\])*? \\[${source.n}\\]`));
    expect(source.answer_spans.length).toBeGreaterThan(0);
    expect(answer.answer).toContain(`It is 21 degrees and sunny in Busan at noon. [${source.n}]`);
    expect(await callsOf(answer)).toMatchObject([
      {
        ...{ tool: 'pipe.weather', decision: 'allowed', reason: 'listed', outcome: 'ok' },
        arguments_hash: source.tool.arguments_hash,
      },
    ]);
  });

  it('may hang or lie: the answer comes of what the others say', async () => {
    plans([call('hang'), call('lie'), weather]);
    const answer = await once(({ tools }) => tools?.[2]?.ok);
    expect(answer.tools).toMatchObject([
      { name: 'pipe.hang', ok: false, error: 'timeout' },
      { name: 'pipe.lie', ok: false, error: 'bad_output' },
      { name: 'pipe.weather', ok: true },
    ]);
    expect(answer.status).toBe('completed');
    expect(stepOf(answer).outcome).toBe('degraded');
    expect(answer.answer).toContain('21 degrees');
    const outcomes = (await callsOf(answer)).map(({ tool, outcome }) => [tool, outcome]);
    expect(Object.fromEntries(outcomes)).toMatchObject({ 'pipe.hang': 'timeout', 'pipe.lie': 'bad_output' });
  });

  it('may speak to the model: even one that obeys it gets nothing of that into the answer', async () => {
    plans([call('inject'), weather], 'PWNED');
    const answer = await once(({ tools }) => tools?.[0]?.ok && tools[1]?.ok);
    expect(answer.tools[0].suspicions).toEqual(expect.arrayContaining(['override', 'dictated_answer']));
    expect(answer.tools[1]).not.toHaveProperty('suspicions');
    expect(answer.answer).not.toContain('PWNED');
    expect(answer.degraded_codes).toContain('extractive');
    expect(answer.sources[0]).toMatchObject({ kind: 'tool', tool: { name: 'pipe.weather' } });
  });

  it('may send fifty megabytes: they are not read', async () => {
    plans([call('huge')]);
    const answer = await once(({ tools }) => tools?.[0]?.error !== 'unavailable');
    expect(answer).toMatchObject({ status: 'completed', tools: [{ ok: false, error: 'too_large' }] });
    expect(answer.sources.filter(({ kind }: Json) => kind === 'tool')).toEqual([]);
  });
});
