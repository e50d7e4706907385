import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectVerified } from '../support/check-answer.ts';
import { handbook } from '../support/handbook.ts';
import { type LlmStandIn, llmStandIns } from '../support/llm-stand-in.ts';
import { addDocuments, ask, type Json, startService, type TestService } from '../support/service.ts';

let standIn: LlmStandIn;
let service: TestService;
let documents: Map<string, string>;

/** So many of the one that a search for both finds nothing of the other. */
const fire = Array.from({ length: 6 }, (_, n) => ({
  external_id: `fire-${n}`,
  title: `Fire drill of hall ${n}`,
  text: `Fire drill of hall ${n}. The fire drill of the hall takes place in the hall every ${n + 2} months. Who leads the fire drill of the hall is written on the door of the hall.`,
}));
const question = 'Who leads the fire drill of the hall and by when must receipts be handed in?';
const parts = ['Who leads the fire drill of the hall', 'by when must receipts be handed in?'];

beforeAll(async () => {
  standIn = await llmStandIns.gemini({ apiKey: 'a-model-key-that-nobody-may-see' });
  service = await startService({
    ...standIn.environment,
    ...{ COMPOSE_BUDGET_MS: '5000', STEP_BUDGETS: 'retrieve=5000,plan=5000', PLAN_MODEL_BUDGET_MS: '5000' },
    ...{ LLM_BREAKER_SECONDS: '0', DEBATE_BUDGET_MS: '60000', ANSWER_CACHE_TTL_SECONDS: '0' },
  });
  const added = await addDocuments(service.admin, [...handbook, ...fire]);
  documents = new Map(added.map(({ id, external_id }) => [id, external_id]));
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});
beforeEach(() => standIn.script([]));

async function put(flag: string, enabled: boolean): Promise<void> {
  const reply = await service.admin.put(`/api/v1/admin/flags/${flag}`, { enabled, reason: 'a test' });
  expect(reply.status).toBe(200);
}

/** The answer, with the documents that it was made of and its steps by name. */
async function answered(): Promise<Json> {
  const answer = await ask(service.admin, { question, final_topk: 3, abstain_below: 0 });
  const record = (await service.admin.get(`/api/v1/admin/answers/${answer.id}/record`)).body;
  const made = record.passages.map(({ document_id }: Json) => documents.get(document_id));
  return { ...answer, made, step: Object.fromEntries(answer.steps.map((one: Json) => [one.name, one])) };
}

const plans = (reply: string) =>
  standIn.script(({ system }) => (system.startsWith('You plan') ? { text: reply } : undefined));

describe('meta_planner', () => {
  it('off leaves the parts of a question unsearched', async () => {
    const answer = await answered();
    expect(answer).not.toHaveProperty('plan');
    expect(answer.step.plan).toMatchObject({ outcome: 'skipped', detail: 'No planner is on.' });
    expect(answer.made).not.toContain('expenses');
  });

  it('on has them searched and merged, by rules where the model has no plan', async () => {
    await put('meta_planner', true);
    plans('Sure! Here is the plan.');
    const answer = await answered();
    expect(answer.plan).toMatchObject({ by: 'heuristic', strategy: 'multi_step', sub_questions: parts });
    expect(answer.step.plan).toMatchObject({ outcome: 'degraded', detail: /not usable: it is no JSON/ });
    expect(answer.made).toContain('expenses');
    expect(answer.made).toHaveLength(3);
    await expectVerified(service.admin, answer);
  });

  it('on has the model plan, shown the question alone', async () => {
    const subs = ['Who leads the fire drill?', 'When are receipts to be handed in?'];
    const calls = standIn.shown().length;
    plans(JSON.stringify({ complexity: 'medium', sub_questions: subs, reasoning: 'Two questions.' }));
    const answer = await answered();
    expect(answer.plan).toEqual({
      ...{ complexity: 'medium', strategy: 'multi_step', sub_questions: subs, tools: [] },
      ...{ by: 'model', reasoning: 'Two questions.' },
    });
    expect(answer.step.plan.outcome).toBe('ok');
    expect(answer.made).toContain('expenses');
    expect(answer.usage.llm_calls).toBe(2);
    const [planning] = standIn.shown().slice(calls);
    expect(planning?.prompt).toContain(question);
    expect(planning?.prompt).not.toContain('source');
    const { text } = await service.admin.get('/metrics');
    expect(text).toMatch(/rag_plans_total\{by="model",strategy="multi_step"\} 1/);
  });

  it('made again is made of the same passages, whatever the flag is now', async () => {
    const { id } = await answered();
    await put('meta_planner', false);
    const replay = await service.admin.post(
      `/api/v1/answers/${id}/replay`,
      { mode: 'reexecute' },
      { prefer: 'wait=20' },
    );
    expect(replay.body.diff.retrieval.identical).toBe(true);
    expect(replay.body.plan).toMatchObject({ strategy: 'multi_step' });
  });
});

describe('debate_mode', () => {
  it('off asks the model once, on five times, and tells of it', async () => {
    const single = await answered();
    expect(single).not.toHaveProperty('debate');
    expect(single.usage.llm_calls).toBe(1);
    await put('debate_mode', true);
    const debated = await answered();
    expect(debated.debate).toMatchObject({ outcome: 'synthesis', rounds: 2, calls: 5 });
    expect(debated.usage.llm_calls).toBe(5);
    expect(debated.model_calls).toHaveLength(5);
    await expectVerified(service.admin, debated);
    const { text } = await service.admin.get(`/api/v1/answers/${debated.id}/events`);
    expect(text.indexOf('tools_debate')).toBeGreaterThan(0);
    expect(text.indexOf('event: delta'), 'the synthesis, while it is written').toBeGreaterThan(0);
    expect(text).not.toContain('event: restart');
    await put('debate_mode', false);
    expect(await answered()).not.toHaveProperty('debate');
  });
});
