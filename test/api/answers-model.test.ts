import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectVerified } from '../support/check-answer.ts';
import { type Behaviour, type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { handbook } from '../support/handbook.ts';
import {
  addDocuments,
  ask,
  type Client,
  createKey,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const apiKey = 'a-model-key-that-nobody-may-see';
let standIn: GeminiStandIn;
let service: TestService;
let client: Client;
let expenses: string;

beforeAll(async () => {
  standIn = await startGeminiStandIn({ apiKey });
  service = await startService({
    GEMINI_API_KEY: apiKey,
    GEMINI_BASE_URL: standIn.url,
    COMPOSE_BUDGET_MS: '4000',
    // One fault after the other, of which each is to be seen.
    LLM_BREAKER_SECONDS: '0',
  });
  client = service.admin;
  const added = await addDocuments(client, handbook);
  expenses = added.find(({ external_id }) => external_id === 'expenses').id;
  // The first search of a process is the slowest; here it must stay within the step's budget beside other tests.
  for (const q of [question, 'meals', 'allowance']) await client.post('/api/v1/search', { q });
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});
beforeEach(() => standIn.script([]));

const question = 'What is the daily allowance for meals?';
/** Of one document, so that the model's source [1] is known. */
const askModel = (...behaviours: Behaviour[]): Promise<Json> => {
  standIn.script(behaviours);
  return ask(client, { question, filters: { document_ids: [expenses] } });
};

describe('/health', () => {
  it('says whether the model gets calls', async () => {
    expect((await client.get('/health')).body.checks.llm).toEqual({ status: 'ok' });
    const { text } = await client.get('/metrics');
    expect(text).toContain('rag_llm_condition{model="gemini-2.5-flash",condition="closed"} 1');
  });
});

describe('an answer of the model', () => {
  it('is given with its verified sources', async () => {
    const calls = standIn.requests.length;
    const answer = await askModel({ text: 'The daily allowance for meals is 45 euros [1].' });
    expect(answer).toMatchObject({
      ...{ status: 'completed', abstained: false, model: 'gemini-2.5-flash', degraded: null },
      usage: { llm_calls: 1, cost_usd: expect.any(Number) },
      degraded_codes: [],
    });
    expect(answer.answer).toMatch(/^The daily allowance for meals is 45 euros/);
    expect(answer.sources[0]).toMatchObject({
      document_id: expenses,
      quote: expect.stringContaining('45 euros'),
    });
    expect(answer.usage.input_tokens).toBeGreaterThan(0);
    expect(answer.usage.output_tokens).toBeGreaterThan(0);
    const { input_tokens, output_tokens, cost_usd } = answer.usage;
    expect(cost_usd).toBeCloseTo((input_tokens * 0.3 + output_tokens * 2.5) / 1e6, 12);
    expect(answer.model_calls).toMatchObject([
      { outcome: 'ok', counted: 'reported', input_tokens, cost_usd },
    ]);
    await expectVerified(client, answer);
    expect(standIn.requests.length - calls).toBe(1);
    expect(JSON.stringify(standIn.requests.at(-1)?.body)).toContain(question);
  });

  it('loses the markers and sentences that no source carries', async () => {
    const lie = 'Managers get 900 euros and a company yacht [1].';
    const answer = await askModel({
      text: `The daily allowance for meals is 45 euros [1]. ${lie} Taxi rides need a reason [9].`,
    });
    expect(answer).toMatchObject({ status: 'completed', model: 'gemini-2.5-flash' });
    await expectVerified(client, answer);
    expect(answer.answer).not.toMatch(/yacht[^[]*\[\d+\]/);
    expect(answer.answer).not.toContain('[9]');
    for (const source of answer.sources) expect(source.quote).not.toContain('yacht');
  });

  it('has no sentence that no source carries, unless these are to be marked', async () => {
    const lie = 'Managers get 900 euros and a company yacht.';
    const text = `The daily allowance for meals is 45 euros [1]. ${lie}`;
    const clean = await askModel({ text });
    expect(clean).toMatchObject({ abstained: false, unsupported_spans: [] });
    expect(clean.answer).toMatch(/^The daily allowance for meals is 45 euros\. \[1\]$/);
    expect(clean.confidence_reasons.join(' ')).toContain('left out');
    expect(clean.sources[0].support).toBe(1);
    standIn.script([{ text }]);
    const filters = { document_ids: [expenses] };
    const marked = await ask(client, { question, filters, unsupported_sentences: 'mark' });
    expect(marked.unsupported_spans.map((span: [number, number]) => marked.answer.slice(...span))).toEqual([
      lie,
    ]);
    expect(marked.confidence).toBeLessThan(clean.confidence);
    await expectVerified(client, marked);
    const refused = await client.post('/api/v1/answers', { question, unsupported_sentences: 'keep' });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/unsupported_sentences']);
  });

  it('that is nothing but lies is not given', async () => {
    const answer = await askModel({ text: 'Managers get 900 euros and a company yacht [1].' });
    expect(answer).toMatchObject({
      status: 'completed',
      model: 'extractive',
      degraded: expect.stringMatching(/\.$/),
    });
    expect(answer.answer).not.toContain('yacht');
    await expectVerified(client, answer);
  });

  it('may be that there is none', async () => {
    const answer = await askModel({ text: 'NO_ANSWER' });
    expect(answer).toMatchObject({
      status: 'completed',
      abstained: true,
      model: 'gemini-2.5-flash',
      sources: [],
      degraded: null,
    });
  });

  it('is not asked for without a passage', async () => {
    const calls = standIn.requests.length;
    const answer = await ask(client, { question, filters: { canonical_in: [] } });
    expect(answer).toMatchObject({ status: 'completed', abstained: true, usage: { llm_calls: 0 } });
    expect(standIn.requests.length).toBe(calls);
  });
});

describe('a model over its rate limit', () => {
  it('is waited for where it says when to come back and the deadline allows it', async () => {
    const answer = await askModel(
      { error: 429, retryDelay: '4s' },
      { text: 'The daily allowance for meals is 45 euros [1].' },
    );
    expect(answer).toMatchObject({
      ...{ status: 'completed', model: 'gemini-2.5-flash', degraded: null, degraded_codes: [] },
      model_calls: [{ outcome: 'llm_rate_limited', counted: 'none', cost_usd: 0 }, { outcome: 'ok' }],
      usage: { llm_calls: 2 },
    });
  });

  it('is not waited for beyond the deadline', async () => {
    standIn.script(() => ({ error: 429, retryDelay: '4s' }));
    const answer = await ask(client, {
      ...{ question, filters: { document_ids: [expenses] } },
      deadline_ms: 8000,
    });
    expect(answer).toMatchObject({ status: 'completed', model: 'extractive' });
    expect(answer.degraded_codes).toEqual(['llm_rate_limited', 'extractive']);
    // The provider's time passes before the next test asks it.
    await waitFor('the model may be called again', async () => {
      const { text } = await client.get('/metrics');
      return text.includes('rag_llm_condition{model="gemini-2.5-flash",condition="closed"} 1');
    });
  });
});

describe('a budget', () => {
  it('that is spent refuses the next question of its key alone', async () => {
    const poor = await createKey(service, { scope: 'read', budget_usd_per_day: 0.000001 });
    standIn.script([]);
    const asked = { question, filters: { document_ids: [expenses] } };
    const answer = await ask(poor.client, asked);
    expect(answer.usage.cost_usd).toBeGreaterThan(0.000001);
    const refused = await poor.client.post('/api/v1/answers', asked);
    expect(refused).toMatchObject({
      status: 402,
      body: { code: 'budget_exhausted', detail: expect.stringContaining('budget_usd_per_day') },
    });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask(client, asked)).status).toBe('completed');
    const { body } = await client.get(`/api/v1/admin/api-keys/${poor.id}`);
    expect(body.budget_usd_per_day).toBe(0.000001);
  });
});

describe('without the model', () => {
  const faults: Behaviour[] = [
    { error: 429 },
    { error: 400, reason: 'INVALID_ARGUMENT', message: 'bad request' },
    { error: 403, reason: 'PERMISSION_DENIED' },
    { error: 500 },
    { error: 503 },
    'hang',
    'cut',
    'broken json',
    'prompt blocked',
    'answer blocked',
    'no candidates',
    'empty text',
    { text: 'The daily allowance for meals is', finishReason: 'MAX_TOKENS' },
  ];
  it.each(faults)('(%j) the sources answer, and the answer says so', async (fault) => {
    standIn.script(() => fault);
    const answer = await ask(client, { question, filters: { document_ids: [expenses] } });
    expect(answer).toMatchObject({ status: 'completed', abstained: false, error: null });
    expect(answer.answer).toContain('45 euros');
    expect(answer.model).toBe('extractive');
    expect(answer.degraded).toMatch(/^[A-Z].*\.$/);
    expect(answer.degraded).not.toContain(apiKey);
    expect(answer.degraded).not.toContain(standIn.url);
    expect(answer.steps.find(({ name }: Json) => name === 'compose').outcome).toBe('degraded');
    await expectVerified(client, answer);
  });

  it('and back again', async () => {
    const answer = await askModel({ text: 'The daily allowance for meals is 45 euros [1].' });
    expect(answer).toMatchObject({ model: 'gemini-2.5-flash', degraded: null });
  });
});
