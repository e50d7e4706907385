import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { system } from '../../src/access.ts';
import { claimAnswer, findAnswer, insertAnswer } from '../../src/db/answers.ts';
import { insertKey } from '../../src/db/api-keys.ts';
import { readSpending } from '../../src/db/model-calls.ts';
import type { Progress } from '../../workers/answer/progress.ts';
import { runSteps } from '../../workers/answer/run-steps.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { openLlm } from '../../workers/llm/llms.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { handbook } from '../support/handbook.ts';
import { ready } from '../support/ingest.ts';
import { type Behaviour, type LlmStandIn, llmStandIns } from '../support/llm-stand-in.ts';
import type { Json } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const apiKey = 'a-model-key-that-nobody-may-see';
const question = 'What is the daily allowance for meals?';
/** USD for a million tokens, of every model here. */
const price = { input: 2, output: 10 };
/** So that even a busy machine has time for every call; less where all of it is waited for. */
const budgetMs = 5000;
const waited = 2000;

let bench: HandlerBench;
const standIns: Record<string, LlmStandIn> = {};
beforeAll(async () => {
  bench = await openBench({
    STEP_BUDGETS: 'retrieve=5000',
    LLM_PRICES: ['gemini-2.5-flash', 'local-model', 'smaller'].map((model) => `${model}=2/10`).join(),
  });
  for (const { text, title } of handbook.slice(0, 3)) await ready(bench.context, { text, title });
  for (const provider of ['gemini', 'openai'] as const)
    standIns[provider] = await llmStandIns[provider]({ apiKey });
});
afterAll(async () => {
  for (const standIn of Object.values(standIns)) await standIn.close();
  await bench.close();
});
afterEach(() => {
  for (const standIn of Object.values(standIns)) standIn.script([]);
});

/** A key of its own for each question, so that what is spent can be told apart. */
async function newKey(budgetUsdPerDay: number | null = null): Promise<string> {
  const key = { name: 'of a test', scope: 'read' as const, permissions: [], allowedIps: [], rateLimit: 1000 };
  const made = {
    ...{ id: randomUUID(), keyHash: Buffer.from(randomUUID()), keyPrefix: 'x' },
    ...{ createdBy: 'test', expiresDays: null, burst: null },
  };

  return (await insertKey(bench.context.db, { ...key, ...made, budgetUsdPerDay })).id;
}

async function accept(apiKeyId: string, deadlineMs = 20_000): Promise<string> {
  const { id } = await insertAnswer(bench.context.db, {
    ...{ id: randomUUID(), question, apiKeyId, deadlineMs, requestId: 'r', traceparent: null, keepHours: 1 },
    request: { mode: 'answer', final_topk: 2, strategy: 'keyword', flags: {} },
  });
  return id;
}

const contextOf = (
  standIn: LlmStandIn,
  more: { fallbackModel?: string; breakerMs?: number } = {},
  COMPOSE_BUDGET_MS = budgetMs,
): Context => ({
  ...bench.context,
  config: { ...bench.context.config, COMPOSE_BUDGET_MS },
  llm: openLlm({ ...standIn.settings, breakerMs: 0, ...more }),
});

/** The answer's row once its one delivery is over; and how many requests came to the stand-in meanwhile. */
async function answered(standIn: LlmStandIn, context: Context, apiKeyId: string): Promise<Json> {
  const before = standIn.shown().length;
  const id = await accept(apiKeyId);
  await handlers.answerQuestion.run({ answerId: id }, context);
  const row = await findAnswer(context.db, id, system);
  return { ...row, ...row?.result, requests: standIn.shown().length - before };
}

function expectTruthful({ usage, model_calls, requests }: Json, spent: number): void {
  expect(usage.llm_calls, 'attempts are what the server saw').toBe(requests);
  expect(model_calls).toHaveLength(requests);
  const cost = model_calls.reduce(
    (sum: number, call: Json) =>
      sum + (call.input_tokens * price.input + call.output_tokens * price.output) / 1e6,
    0,
  );
  expect(usage.cost_usd).toBeCloseTo(cost, 12);
  expect(spent).toBeCloseTo(cost, 9);
}

describe.each(['gemini', 'openai'])('the faults of %s', (provider) => {
  const turnedDown = { counted: 'none', input_tokens: 0, output_tokens: 0, cost_usd: 0 };
  const faults: [Behaviour, number, Json, string][] = [
    [{ error: 429 }, 3, { outcome: 'llm_rate_limited', ...turnedDown }, 'llm_rate_limited'],
    [
      { error: 429, retryDelay: '60s' },
      1,
      { outcome: 'llm_rate_limited', ...turnedDown },
      'llm_rate_limited',
    ],
    [{ error: 500 }, 3, { outcome: 'llm_unavailable', ...turnedDown }, 'llm_unavailable'],
    [{ error: 503 }, 3, { outcome: 'llm_unavailable', ...turnedDown }, 'llm_unavailable'],
    [{ error: 401 }, 1, { outcome: 'llm_unavailable', ...turnedDown }, 'llm_unavailable'],
    ['hang', 2, { outcome: 'timeout', counted: 'estimated' }, 'llm_timeout'],
    [{ dripMs: 700 }, 1, { outcome: 'timeout' }, 'llm_timeout'],
    ['cut', 3, { outcome: 'llm_unavailable' }, 'llm_unavailable'],
    ['unfinished', 3, { outcome: 'llm_unavailable' }, 'llm_unavailable'],
    ['broken json', 3, { outcome: 'llm_bad_output' }, 'llm_bad_output'],
    ['answer blocked', 1, { outcome: 'llm_refused' }, 'llm_refused'],
    ['prompt blocked', 1, { outcome: 'llm_refused' }, 'llm_refused'],
    ['empty text', 3, { outcome: 'llm_bad_output' }, 'llm_bad_output'],
    ['no candidates', 3, { outcome: 'llm_bad_output' }, 'llm_bad_output'],
    ['tool call', 3, { outcome: 'llm_bad_output' }, 'llm_bad_output'],
    [{ text: 'The daily allowance', finishReason: 'MAX_TOKENS' }, 1, { outcome: 'ok' }, 'llm_cut'],
  ];
  it.each(faults)(
    '%j: answered from the sources in time, with true books',
    async (fault, calls, call, code) => {
      const standIn = standIns[provider] as LlmStandIn;
      standIn.script(() => fault);
      const apiKeyId = await newKey();
      const budget = code === 'llm_timeout' ? waited : budgetMs;
      const answer = await answered(standIn, contextOf(standIn, {}, budget), apiKeyId);
      expect(answer).toMatchObject({ status: 'completed', model: 'extractive', abstained: false });
      expect(answer.completed_at.getTime()).toBeLessThan(answer.deadline_at.getTime());
      expect(answer.answer).toContain('45 euros');
      expect(answer.degraded).toMatch(/^[A-Z].*\.$/);
      expect(answer.degraded_codes).toEqual([code, 'extractive']);
      expect(answer.steps.find(({ name }: Json) => name === 'compose')).toMatchObject({
        ...{ outcome: 'degraded', budget_ms: budget, detail: answer.degraded },
      });
      expect(answer.requests).toBe(calls);
      for (const made of answer.model_calls) expect(made).toMatchObject(call);
      if (call.counted !== 'none') expect(answer.usage.cost_usd).toBeGreaterThan(0);
      expectTruthful(answer, (await readSpending(bench.context.db, apiKeyId)).key);
      expect(JSON.stringify(answer)).not.toContain(apiKey);
    },
  );

  it('that pass are got over, and what was told before them is taken back', async () => {
    const standIn = standIns[provider] as LlmStandIn;
    standIn.script(['cut']);
    const context = contextOf(standIn);
    const id = await accept(await newKey());
    const claimed = await claimAnswer(context.db, id);
    const told: Progress[] = [];
    const { result } = await runSteps(claimed as never, context, (progress) => told.push(progress));
    expect(result).toMatchObject({ model: context.llm?.model, degraded: null, degraded_codes: [] });
    expect(result.model_calls.map(({ outcome }) => outcome)).toEqual(['llm_unavailable', 'ok']);
    const restart = told.findIndex(({ type }) => type === 'restart');
    expect(told.slice(0, restart).some(({ type }) => type === 'delta')).toBe(true);
    const draft = told.slice(restart).flatMap((one) => (one.type === 'delta' ? [one.data.text] : []));
    expect(draft.join('')).toContain('The daily allowance for meals is 45 euros. [1]');
    expect(standIn.shown().at(-1)?.streamed).toBe(true);
  });
});

describe('the ladder', () => {
  it('has a smaller model write the answer, and says so', async () => {
    const standIn = standIns.openai as LlmStandIn;
    standIn.script(({ model }) => (model === 'smaller' ? undefined : { error: 503 }));
    const answer = await answered(standIn, contextOf(standIn, { fallbackModel: 'smaller' }), await newKey());
    expect(answer).toMatchObject({
      ...{ status: 'completed', model: 'smaller', degraded_codes: ['llm_unavailable', 'fallback_model'] },
      degraded: 'The language model answered with status 503.',
    });
    expect(answer.model_calls.map(({ model }: Json) => model)).toEqual([
      ...['local-model', 'local-model', 'local-model', 'smaller'],
    ]);
  });

  it('gives a model that hangs up in time for the smaller one', async () => {
    const standIn = standIns.gemini as LlmStandIn;
    standIn.script(({ model }) => (model === 'smaller' ? undefined : 'hang'));
    const answer = await answered(
      standIn,
      contextOf(standIn, { fallbackModel: 'smaller' }, waited),
      await newKey(),
    );
    expect(answer).toMatchObject({ model: 'smaller', degraded_codes: ['llm_timeout', 'fallback_model'] });
    expect(answer.requests).toBe(2);
  });

  it('cuts an answer at its last whole sentence', async () => {
    const standIn = standIns.gemini as LlmStandIn;
    const text = 'The daily allowance for meals is 45 euros [1]. Taxi rides need';
    standIn.script([{ text, finishReason: 'MAX_TOKENS' }]);
    const answer = await answered(standIn, contextOf(standIn), await newKey());
    expect(answer).toMatchObject({ model: 'gemini-2.5-flash', degraded_codes: ['llm_cut'] });
    expect(answer.answer).toBe('The daily allowance for meals is 45 euros. [1]');
  });

  it('leaves a model alone that keeps failing', async () => {
    const standIn = standIns.openai as LlmStandIn;
    standIn.script(() => ({ error: 500 }));
    const context = contextOf(standIn, { breakerMs: 600_000 });
    const apiKeyId = await newKey();
    const requests: number[] = [];
    for (let n = 0; n < 3; n += 1) requests.push((await answered(standIn, context, apiKeyId)).requests);
    expect(requests, 'five failures are enough').toEqual([3, 2, 0]);
    expect(context.llm?.condition?.()).toBe('open');
    standIn.script([]);
    const answer = await answered(standIn, context, apiKeyId);
    expect(answer).toMatchObject({ requests: 0, usage: { llm_calls: 0, cost_usd: 0 }, model_calls: [] });
    expect(answer.degraded_codes).toEqual(['llm_unavailable', 'extractive']);
  });
});

describe('a model over its limit that says when to come back', () => {
  it('has the answer put back, for another delivery that knows of the calls before', async () => {
    const standIn = standIns.gemini as LlmStandIn;
    standIn.script([{ error: 429, retryDelay: '2s' }]);
    const context = contextOf(standIn, {}, waited);
    const id = await accept(await newKey());
    const run = handlers.answerQuestion.run({ answerId: id }, context);
    await expect(run).rejects.toMatchObject({ code: 'llm_rate_limited', retryAfter: 2 });
    expect((await findAnswer(context.db, id, system))?.status).toBe('queued');
    expect(context.llm?.condition?.()).toBe('rate_limited');
    await handlers.answerQuestion.run({ answerId: id }, contextOf(standIn));
    const row: Json = await findAnswer(context.db, id, system);
    expect(row.result).toMatchObject({
      ...{ model: 'gemini-2.5-flash', degraded: null, usage: { llm_calls: 2 } },
      model_calls: [{ outcome: 'llm_rate_limited' }, { outcome: 'ok' }],
    });
  });
});

describe('budgets', () => {
  it('let one call beyond at most, however many ask at once', async () => {
    const standIn = standIns.openai as LlmStandIn;
    const context = contextOf(standIn);
    const apiKeyId = await newKey(0.000_001);
    const before = standIn.shown().length;
    const ids = await Promise.all(Array.from({ length: 6 }, () => accept(apiKeyId)));
    await Promise.all(ids.map((answerId) => handlers.answerQuestion.run({ answerId }, context)));
    expect(standIn.shown().length - before).toBe(1);
    const rows: Json[] = await Promise.all(ids.map((id) => findAnswer(context.db, id, system)));
    const codes = rows.map(({ result }) => result.degraded_codes.join());
    expect(codes.sort()).toEqual(['', ...Array(5).fill('budget_exhausted,extractive')]);
    const spent = rows.reduce((sum, { result }) => sum + result.usage.cost_usd, 0);
    expect((await readSpending(context.db, apiKeyId)).key).toBeCloseTo(spent, 9);
  });

  it('of the day hold for all keys, and a model without a price is not called under one', async () => {
    const standIn = standIns.openai as LlmStandIn;
    const { config, ...context } = contextOf(standIn);
    const { day } = await readSpending(bench.context.db, await newKey());
    const limited = { ...context, config: { ...config, LLM_DAILY_BUDGET_USD: day } };
    const spent = await answered(standIn, limited, await newKey());
    expect(spent).toMatchObject({ requests: 0, degraded_codes: ['budget_exhausted', 'extractive'] });
    const unpriced = { ...context, config: { ...config, LLM_PRICES: '' } };
    expect(await answered(standIn, unpriced, await newKey(5))).toMatchObject({
      requests: 0,
      model: 'extractive',
    });
    const free = await answered(standIn, unpriced, await newKey());
    expect(free).toMatchObject({ requests: 1, usage: { llm_calls: 1, cost_usd: null } });
  });
});

describe('a worker that is told to stop', () => {
  it('hangs up on the model, and the books say so', async () => {
    const standIn = standIns.gemini as LlmStandIn;
    const abandoned = standIn.abandoned();
    const stop = new AbortController();
    standIn.script(() => {
      stop.abort(new Error('stop'));
      return 'hang';
    });
    const id = await accept(await newKey());
    const run = handlers.answerQuestion.run({ answerId: id }, { ...contextOf(standIn), signal: stop.signal });
    await expect(run).rejects.toThrow('stop');
    await waitFor('the server sees the connection closed', () => standIn.abandoned() > abandoned);
    const [call] = await bench.context.db('model_calls').where({ answer_id: id });
    expect(call).toMatchObject({ outcome: 'cancelled', counted: 'estimated' });
  });
});
