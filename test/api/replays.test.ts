import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { handbook } from '../support/handbook.ts';
import {
  addDocument,
  addDocuments,
  ask,
  type Client,
  createKey,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

let standIn: GeminiStandIn;
let service: TestService;
let writer: Client;
let reader: Client;
let ids: Record<string, string>;

beforeAll(async () => {
  standIn = await startGeminiStandIn();
  service = await startService({
    GEMINI_API_KEY: 'a-key-of-the-stand-in',
    GEMINI_BASE_URL: standIn.url,
    COMPOSE_BUDGET_MS: '4000',
  });
  writer = (await createKey(service, { scope: 'write' })).client;
  reader = (await createKey(service, { scope: 'read' })).client;
  const added = await addDocuments(writer, handbook);
  ids = Object.fromEntries(added.map((document) => [document.external_id, document.id]));
  // The first search of a process is the slowest; here it must stay within the step's budget beside other tests.
  for (const q of [meals, 'allowance', '연차']) await writer.post('/api/v1/search', { q });
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});
beforeEach(() => standIn.script(() => ({ text: 'The daily allowance for meals is 45 euros [1].' })));

const meals = 'What is the daily allowance for meals?';
const askMeals = (more: object = {}) =>
  ask(writer, { question: meals, filters: { document_ids: [ids.expenses] }, ...more });
const post = (id: string, body: unknown, client = writer) =>
  client.post(`/api/v1/answers/${id}/replay`, body);
async function replay(id: string, body: object, client = writer): Promise<Json> {
  const reply = await post(id, body, client);
  expect(reply.status, reply.text).toBe(202);
  expect(reply.body).toMatchObject({ replay_of: id, is_terminal: false });
  expect(reply.headers.get('location')).toBe(reply.body.links.self);
  return ended(client, reply.body.links.self);
}
const recordOf = async (id: string): Promise<Json> =>
  (await service.admin.get(`/api/v1/admin/answers/${id}/record`)).body;
const remove = async (id: string) =>
  ended(service.admin, (await service.admin.delete(`/api/v1/documents/${id}`)).body.links.self);
/** What is said of an answer itself; the rest is the row's. */
const resultOf = ({
  answer,
  abstained,
  language,
  model,
  degraded,
  sources,
  source_count,
  ...rest
}: Json) => ({
  ...{ answer, abstained, language, model, degraded, sources, source_count },
  ...{ confidence: rest.confidence, confidence_reasons: rest.confidence_reasons, steps: rest.steps },
  ...{ retrieval: rest.retrieval, usage: rest.usage, times: [rest.search_time, rest.generation_time] },
});

describe('the record of an answer', () => {
  it('says what it was made of', async () => {
    const answer = await askMeals();
    const record = await recordOf(answer.id);
    expect(record).toMatchObject({
      ...{ answer_id: answer.id, corpus_version: answer.retrieval.corpus_version, strategy: 'hybrid' },
      ...{ policy_version: null, cached_from: null, taxonomy_version: answer.retrieval.taxonomy_version },
      settings: { LLM_MODEL: 'gemini-2.5-flash', RERANKER: 'off' },
    });
    expect(record.prompt_version).toMatch(/^[\da-f]{16}$/);
    expect(record.prompt_hash).toMatch(/^[\da-f]{64}$/);
    expect(record.embedding_model).toMatch(/./);
    expect(JSON.stringify(record)).not.toContain('a-key-of-the-stand-in');
    expect(record.passages[0]).toMatchObject({ document_id: ids.expenses, version: 1 });
    expect(record.passages[0].text_hash).toMatch(/^[\da-f]{64}$/);
    expect(record.raw).toMatchObject([
      {
        model: 'gemini-2.5-flash',
        text: 'The daily allowance for meals is 45 euros [1].',
        finish_reason: 'stop',
      },
    ]);
    expect((await writer.get(`/api/v1/admin/answers/${answer.id}/record`)).status).toBe(403);
  });

  it('keeps what the model wrote masked, and only for its time', async () => {
    standIn.script(() => ({
      text: 'The daily allowance for meals is 45 euros [1]. Call 010-1234-5678 [1].',
    }));
    const answer = await askMeals();
    const before = await recordOf(answer.id);
    expect(before.raw[0].text).toContain('45 euros');
    expect(before.raw[0].text).not.toContain('1234');
    await service.sql.query(
      `update answer_records set raw_until = now() - interval '1 second' where answer_id = $1`,
      [answer.id],
    );
    await service.sql.query(`update schedules set next_at = now() where job = 'sweepExpired'`);
    const { raw, ...after } = await waitFor('the sweep has come', async () => {
      const record = await recordOf(answer.id);
      return record.raw === null && record;
    });
    const { raw: _raw, ...kept } = before;
    expect([raw, after]).toEqual([null, { ...kept, raw_until: null }]);
  });
});

describe('as it was recorded', () => {
  it('is the same to the last bit, without model, search or experience', async () => {
    const answer = await askMeals();
    const calls = standIn.requests.length;
    const again = await replay(answer.id, { mode: 'recorded' });
    expect(resultOf(again)).toEqual(resultOf(answer));
    expect(again).toMatchObject({
      ...{ replay_of: answer.id, replay_mode: 'recorded', question: answer.question, flags: answer.flags },
      diff: {
        ...{ identical: true, corpus_changed: false, changed: [], sources_deleted: 0, retrieval: null },
        answer: { identical: true, text_changed: false, sources: { kept: answer.source_count } },
      },
    });
    expect(standIn.requests.length).toBe(calls);
    expect(
      await service.sql.query('select 1 from experiences where answer_id = $1', [again.id]),
      'nothing is learned from it',
    ).toEqual([]);
    expect((await writer.post(again.links.feedback, { rating: 1 })).body).toMatchObject({ code: 'conflict' });
    const metrics = (await service.anonymous.get('/metrics')).text;
    expect(metrics).toMatch(/^rag_replays_total\{mode="recorded",outcome="identical"\} [1-9]/m);
  });

  it('shows nothing of a document that was deleted since, and says so', async () => {
    const document = await addDocument(writer, { text: 'The boathouse closes at nine in the evening.' });
    standIn.script(() => ({ text: 'The boathouse closes at nine in the evening [1].' }));
    const answer = await ask(writer, { question: 'When does the boathouse close in the evening?' });
    expect(answer.sources[0].document_id).toBe(document.id);
    expect((await recordOf(answer.id)).raw).not.toBeNull();
    const receipt = (await remove(document.id)).receipt;
    expect(receipt).toMatchObject({ records: 1, residual: 0 });
    const again = await replay(answer.id, { mode: 'recorded' });
    expect(again).toMatchObject({
      answer: '',
      sources_deleted: 1,
      diff: { identical: false, sources_deleted: 1 },
    });
    expect(JSON.stringify(again)).not.toContain('nine');
    const record = await recordOf(answer.id);
    expect(record).toMatchObject({ raw: null, prompt_hash: null, result_hash: null });
    const gone = record.passages.filter(({ document_id }: Json) => document_id === document.id);
    expect(gone).toMatchObject([{ text_hash: null, deleted: true }]);
    expect((await replay(answer.id, { mode: 'reexecute' })).diff).toMatchObject({
      ...{ corpus_changed: true, identical: false },
      retrieval: { gone: [{ document_id: document.id, rank: 1, deleted: true }] },
    });
  });
});

describe('made anew', () => {
  it('is the same on the same corpus: passages, prompt and answer', async () => {
    const answer = await askMeals();
    const calls = standIn.requests.length;
    const again = await replay(answer.id, { mode: 'reexecute', require_same_corpus: true });
    expect(again.diff).toMatchObject({
      ...{ identical: true, corpus_changed: false, changed: [], sources_deleted: 0 },
      retrieval: { identical: true, added: [], gone: [], moved: [], rescored: [], text_changed: [] },
      answer: { identical: true, prompt_identical: true },
    });
    expect(again.diff.retrieval.kept).toBeGreaterThan(0);
    expect(again.usage).toMatchObject({ cache: 'off', answer_cache: 'off', llm_calls: 1 });
    expect(standIn.requests.length - calls).toBe(1);
    const metrics = (await service.admin.get('/api/v1/admin/metrics')).body;
    expect(metrics.cost.of_replays.llm_tokens['gemini-2.5-flash:input']).toBeGreaterThan(0);
  });

  it('tells what a changed corpus changes, or refuses it', async () => {
    const question = 'Which gate of the harbour is the widest?';
    await addDocument(writer, { text: 'The north gate of the harbour is the widest gate.' });
    const answer = await ask(writer, { question });
    const added = await addDocument(writer, {
      text: 'Since May the widest gate of the harbour is the south gate.',
    });
    const refused = await post(answer.id, { mode: 'reexecute', require_same_corpus: true });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: 'conflict', detail: expect.stringContaining('corpus') });
    const { diff } = await replay(answer.id, { mode: 'reexecute' });
    expect(diff).toMatchObject({ identical: false, corpus_changed: true });
    expect(diff.corpus_version.after).toBeGreaterThan(diff.corpus_version.before);
    expect(diff.retrieval.added.map(({ document_id }: Json) => document_id)).toContain(added.id);
    expect(diff.retrieval.rescored.length).toBeGreaterThan(0);
  });
});

describe('as it would have been', () => {
  it.each<[object, string, unknown, unknown, object]>([
    [{ strategy: 'keyword' }, 'request.strategy', 'auto', 'keyword', { retrieval: { strategy: 'keyword' } }],
    [{ mode: 'keypoints' }, 'request.mode', 'answer', 'keypoints', { mode: 'keypoints' }],
    [{ final_topk: 1 }, 'request.final_topk', 5, 1, { diff: { retrieval: { kept: 1 } } }],
    [
      { flags: { debate_mode: true } },
      ...(['flags.debate_mode', null, true, { flags: { debate_mode: { on: true } } }] as const),
    ],
    [
      { abstain_below: 1 },
      ...(['request.abstain_below', null, 1] as const),
      { abstained: true, diff: { answer: { abstained: { before: false, after: true } } } },
    ],
  ])('with %j', async (overrides, what, before, after, expected) => {
    const answer = await ask(writer, { question: meals });
    const other = await replay(answer.id, { mode: 'counterfactual', overrides });
    expect(other.diff.changed).toContainEqual({ what, before, after });
    expect(other.diff.corpus_changed).toBe(false);
    expect(other).toMatchObject(expected);
  });

  it('without the model', async () => {
    const answer = await askMeals();
    const calls = standIn.requests.length;
    const other = await replay(answer.id, { mode: 'counterfactual', overrides: { model: 'extractive' } });
    expect(other).toMatchObject({
      model: 'extractive',
      degraded: null,
      usage: { llm_calls: 0, cost_usd: 0 },
    });
    expect(other.diff).toMatchObject({
      ...{ identical: false, retrieval: { identical: true } },
      answer: { model: { before: 'gemini-2.5-flash', after: 'extractive' }, prompt_identical: null },
    });
    expect(standIn.requests.length).toBe(calls);
    expect((await recordOf(other.id)).raw).toBeNull();
  });

  it('but not with a flag that is killed', async () => {
    const flag = '/api/v1/admin/flags/mcp_tools';
    await service.admin.put(flag, { enabled: true, reason: 'to be recorded' });
    const answer = await askMeals();
    await service.admin.post(`${flag}/kill`, { reason: 'not any more' });
    const wanted = { mode: 'counterfactual', overrides: { flags: { mcp_tools: true } } };
    expect((await post(answer.id, wanted)).body).toMatchObject({ status: 409, code: 'conflict' });
    const again = await replay(answer.id, { mode: 'reexecute' });
    expect(again.flags.mcp_tools).toMatchObject({ on: false, reason: 'kill' });
    expect(again.diff.changed).toEqual([{ what: 'flags.mcp_tools', before: true, after: null }]);
  });
});

describe('a replay is refused', () => {
  it.each([
    [{}, '/mode'],
    [{ mode: 'again' }, '/mode'],
    [{ mode: 'recorded', overrides: { mode: 'summary' } }, '/overrides'],
    [{ mode: 'reexecute', overrides: { mode: 'summary' } }, '/overrides'],
    [{ mode: 'counterfactual' }, '/overrides'],
    [{ mode: 'counterfactual', overrides: {} }, '/overrides'],
    [{ mode: 'counterfactual', overrides: { stratgy: 'keyword' } }, '/overrides/stratgy'],
    [{ mode: 'counterfactual', overrides: { final_topk: 51 } }, '/overrides/final_topk'],
    [{ mode: 'counterfactual', overrides: { flags: { no_flag: true } } }, '/overrides/flags/no_flag'],
    [{ mode: 'counterfactual', overrides: { model: 'gpt' } }, '/overrides/model'],
    [{ mode: 'recorded', seed: '00' }, '/seed'],
  ])('%j', async (body, pointer) => {
    const { id } = await ask(writer, { question: meals });
    const reply = await post(id, body);
    expect(reply.status, reply.text).toBe(422);
    expect(reply.body.errors.map((problem: Json) => problem.pointer)).toContain(pointer);
  });

  it('of what is no finished answer, and by who may not write', async () => {
    const body = { mode: 'recorded' };
    expect((await post('00000000-0000-4000-8000-000000000000', body)).status).toBe(404);
    const answer = await askMeals();
    expect((await post(answer.id, body, reader)).status).toBe(403);
    const again = await replay(answer.id, body);
    expect((await post(again.id, body)).body).toMatchObject({
      ...{ status: 409, code: 'conflict', detail: expect.stringContaining(answer.id) },
    });
    standIn.script(() => 'hang');
    const waiting = await writer.post('/api/v1/answers', { question: meals });
    await writer.post(waiting.body.links.cancel);
    expect((await post(waiting.body.id, body)).body).toMatchObject({ status: 409, code: 'conflict' });
  });
});

describe('a replay', () => {
  it('twice with one Idempotency-Key is one', async () => {
    const answer = await askMeals();
    const path = `/api/v1/answers/${answer.id}/replay`;
    const keyed = { 'Idempotency-Key': 'replay-once' };
    const [first, second] = [
      await writer.post(path, { mode: 'recorded' }, keyed),
      await writer.post(path, { mode: 'recorded' }, keyed),
    ];
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
  });

  it('fails when the answer goes before its turn', async () => {
    const answer = await askMeals();
    await service.sql.query(
      `create function lose() returns trigger language plpgsql as
         $$ begin delete from answers where id = (new.request#>>'{replay,of}')::uuid; return new; end $$`,
    );
    await service.sql.query(
      `create trigger lose after insert on answers for each row when (new.request#>>'{replay,of}' is not null) execute function lose()`,
    );
    const reply = await post(answer.id, { mode: 'recorded' });
    await service.sql.query('drop trigger lose on answers');
    const lost = await ended(writer, reply.body.links.self);
    expect(lost).toMatchObject({ status: 'failed', error: { code: 'not_found' } });
  });
});
