import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handbook } from '../support/handbook.ts';
import {
  addDocuments,
  ask,
  createKey,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService({ ANSWER_CACHE_TTL_SECONDS: '600', TOOL_WHITELIST: 'web.*' });
  await addDocuments(service.admin, handbook);
});
afterAll(() => service.stop());

async function turn(key: 'mcp_tools' | 'tools_policy', enabled: boolean): Promise<void> {
  const reply = await service.admin.put(`/api/v1/admin/flags/${key}`, { enabled, reason: 'a test' });
  expect(reply.status).toBe(200);
}

const callsOf = async (answer: Json): Promise<Json[]> =>
  (await service.admin.get(`/api/v1/admin/tools/calls?answer_id=${answer.id}`)).body.items;
const sum = { question: 'What is 12 * (3 + 4)?' };

describe('tools of answers', () => {
  it('are called once mcp_tools is on, and cited as what they are', async () => {
    const before = await ask(service.admin, sum);
    expect(before.tools).toBeUndefined();
    expect(before.answer).not.toContain('84');
    await turn('mcp_tools', true);
    const answer = await ask(service.admin, sum);
    expect(answer).toMatchObject({
      ...{
        status: 'completed',
        abstained: false,
        answer: '12 * (3 + 4) = 84 [1]',
        model: 'tool',
        degraded: null,
      },
      tools: [{ name: 'builtin.calculator', ok: true }],
      usage: { llm_calls: 0, answer_cache: 'miss' },
    });
    expect(answer.sources).toMatchObject([
      {
        ...{ n: 1, kind: 'tool', document_id: null, chunk_id: null, version: null },
        ...{ quote: '12 * (3 + 4) = 84', verified: true, deleted: false },
        tool: { name: 'builtin.calculator', server: 'builtin' },
      },
    ]);
    expect(answer.confidence).toBeGreaterThan(0.9);
    expect(answer.steps.find(({ name }: Json) => name === 'tools_debate').outcome).toBe('ok');
    expect(await callsOf(answer)).toMatchObject([
      { tool: 'builtin.calculator', decision: 'allowed', reason: 'builtin', outcome: 'ok' },
    ]);
    // Asked again it is computed again.
    expect((await ask(service.admin, sum)).usage.answer_cache).toBe('miss');
  });

  it('know the date in the language of the question, and leave other questions to the documents', async () => {
    const today = await ask(service.admin, { question: '오늘은 무슨 요일인가요?' });
    const weekday = new Intl.DateTimeFormat('ko-KR', { timeZone: 'UTC', weekday: 'long' });
    expect(today.answer).toMatch(/^오늘은 \d{4}년 .*요일이고, 지금은 \d\d:\d\d입니다\(UTC\)\. \[1\]$/);
    expect(today.answer).toContain(weekday.format(new Date(today.sources[0].tool.called_at)));
    const meals = await ask(service.admin, { question: 'What is the daily allowance for meals?' });
    expect(meals.tools).toBeUndefined();
    expect(meals.sources[0].kind).toBeUndefined();
    expect(meals.answer).toContain('45 euros');
  });

  it('are denied to keys that are restricted to others, and the answer comes all the same', async () => {
    const { client } = await createKey(service, { scope: 'read', permissions: ['tool:web.*'] });
    const answer = await ask(client, sum);
    expect(answer).toMatchObject({
      status: 'completed',
      tools: [{ name: 'builtin.calculator', ok: false, error: 'denied', reason: 'key' }],
    });
    expect(await callsOf(answer)).toMatchObject([{ decision: 'denied', reason: 'key', outcome: null }]);
    const found = await client.post('/api/v1/search', { q: 'daily allowance for meals' });
    expect(found.body.hits.length).toBeGreaterThan(0);
  });

  it('are held to the list once tools_policy is on', async () => {
    expect((await ask(service.admin, sum)).tools).toMatchObject([{ ok: true }]);
    await turn('tools_policy', true);
    const answer = await ask(service.admin, sum);
    expect(answer).toMatchObject({
      status: 'completed',
      tools: [{ name: 'builtin.calculator', ok: false, error: 'denied', reason: 'not_listed' }],
    });
    expect(answer.answer).not.toContain('84');
    expect(await callsOf(answer)).toMatchObject([{ decision: 'denied', reason: 'not_listed' }]);
    await turn('tools_policy', false);
  });

  it('keep nothing of a deleted answer, and are rated and replayed like others', async () => {
    const answer = await ask(service.admin, sum);
    const rated = await service.admin.post(`/api/v1/answers/${answer.id}/feedback`, { rating: 1 });
    expect(rated.status).toBe(201);
    const again = await service.admin.post(
      `/api/v1/answers/${answer.id}/replay`,
      { mode: 'recorded' },
      { Prefer: 'wait=30' },
    );
    expect(again.body).toMatchObject({ status: 'completed', diff: { identical: true } });
    expect((await service.admin.delete(`/api/v1/answers/${answer.id}`)).status).toBe(204);
    expect(await callsOf(answer)).toMatchObject([{ arguments_hash: null, decision: 'allowed' }]);
  });

  it('are shown to operators, with what may be called', async () => {
    const { items } = (await service.admin.get('/api/v1/admin/tools')).body;
    expect(items).toMatchObject([{ name: 'builtin', kind: 'builtin', condition: 'ready' }]);
    expect(items[0].tools.map(({ allowed }: Json) => allowed)).toContainEqual({
      policy_on: false,
      policy_off: true,
    });
    const { text } = await service.admin.get('/metrics');
    expect(text).toMatch(/rag_tool_calls_total\{server="builtin",outcome="ok"\} [1-9]/);
    const { client } = await createKey(service, { scope: 'write' });
    expect((await client.get('/api/v1/admin/tools/calls')).status).toBe(403);
  });
});
