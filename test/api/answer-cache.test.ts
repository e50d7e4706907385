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
let client: Client;

beforeAll(async () => {
  standIn = await startGeminiStandIn();
  service = await startService({
    GEMINI_API_KEY: 'a-key-of-the-stand-in',
    GEMINI_BASE_URL: standIn.url,
    COMPOSE_BUDGET_MS: '4000',
    ANSWER_CACHE_TTL_SECONDS: '600',
    ANSWER_CACHE_ENTRIES: '3',
    FEATURE_EXPERIENCE_REPLAY: 'true',
  });
  client = service.admin;
  await addDocuments(client, handbook);
  // The first search of a process is the slowest; here it must stay within the step's budget beside other tests.
  for (const q of [meals, 'allowance', '연차']) await client.post('/api/v1/search', { q });
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});
beforeEach(async () => {
  standIn.script(() => ({ text: 'The daily allowance for meals is 45 euros [1].' }));
  await client.post('/api/v1/admin/cache/clear?pattern=answer:*');
});

const meals = 'What is the daily allowance for meals?';
const finished = (reply: Json): Promise<Json> => ended(client, reply.body.links.self);
const cacheOf = ({ usage }: Json) => usage.answer_cache;
/** Whether the cache gave the answer to each of these, asked one after the other. */
async function lookups(...requests: object[]): Promise<string[]> {
  const seen: string[] = [];
  for (const request of requests) seen.push(cacheOf(await ask(client, { question: meals, ...request })));
  return seen;
}

describe('the same question', () => {
  it('is answered from the cache, at no cost', async () => {
    const first = await ask(client, { question: meals });
    const calls = standIn.requests.length;
    const second = await ask(client, { question: meals });
    expect([cacheOf(first), cacheOf(second)]).toEqual(['miss', 'hit']);
    expect(standIn.requests.length).toBe(calls);
    expect(second.usage).toMatchObject({ llm_calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 });
    expect(second.id).not.toBe(first.id);
    for (const field of ['answer', 'sources', 'confidence', 'retrieval', 'model', 'language'])
      expect([field, second[field]]).toEqual([field, first[field]]);
    expect(new Set(second.steps.map(({ outcome }: Json) => outcome))).toEqual(new Set(['skipped']));
    const { body } = await client.get('/api/v1/admin/metrics');
    expect(body.cache.answers.hits).toBeGreaterThan(0);
    expect((await service.anonymous.get('/metrics')).text).toMatch(
      /^rag_cache_lookups_total\{cache="answers",outcome="hit"\} [1-9]/m,
    );
  });

  it('counts for learning as often as it is asked, and can be rated and replayed', async () => {
    const [first, second] = [await ask(client, { question: meals }), await ask(client, { question: meals })];
    const rows = await waitFor('both were added', async () => {
      const found = await service.sql.query<Json>(
        `select state, action, propensity, reward, reward_parts from experiences where answer_id = any($1::uuid[])`,
        [[first.id, second.id]],
      );
      return found.length === 2 && found;
    });
    expect(rows[1]).toEqual(rows[0]);
    expect((await client.post(second.links.feedback, { rating: 1 })).status).toBe(201);
    const record = (await client.get(`/api/v1/admin/answers/${second.id}/record`)).body;
    expect(record).toMatchObject({ cached_from: first.id, raw: null });
    const path = `/api/v1/answers/${second.id}/replay`;
    const again = await finished(await client.post(path, { mode: 'reexecute' }));
    expect(again).toMatchObject({ diff: { identical: true }, usage: { answer_cache: 'off' } });
    expect((await finished(await client.post(path, { mode: 'recorded' }))).diff.identical).toBe(true);
  });

  it('is one whatever its spaces and question marks, and no other question is', async () => {
    const others = [
      'What is the daily allowance for meals in 2024?',
      'what is the daily allowance for meals?',
    ];
    const same = ['  What is  the daily allowance\nfor meals ? ', 'What is the daily allowance for meals'];
    expect(await lookups({}, ...[...same, ...others].map((question) => ({ question })))).toEqual([
      'miss',
      'hit',
      'hit',
      'miss',
      'miss',
    ]);
  });

  it('is made anew when the request says so', async () => {
    const asked = async (header: string) =>
      cacheOf(
        await finished(
          await client.post('/api/v1/answers', { question: meals }, { 'Cache-Control': header }),
        ),
      );
    expect([await asked('no-store'), ...(await lookups({}, {}))]).toEqual(['off', 'miss', 'hit']);
    const calls = standIn.requests.length;
    expect([await asked('no-cache'), await asked('max-age=0')]).toEqual(['off', 'off']);
    expect(standIn.requests.length - calls).toBe(2);
    expect(await lookups({}), 'what was made anew took its place').toEqual(['hit']);
  });
});

describe('another answer', () => {
  it.each([
    { mode: 'summary' },
    { final_topk: 4 },
    { strategy: 'keyword' },
    { filters: { metadata: {} } },
    { canonical_in: [['Finance']] },
    { merge_neighbours: true },
    { expand: 'neighbours' },
  ])('is made for %j', async (request) => {
    expect(await lookups({}, request, request)).toEqual(['miss', 'miss', 'hit']);
  });

  it('is made for a key of another scope, and shared by those of one', async () => {
    const seen: string[] = [];
    for (const scope of ['read', 'write', 'read'] as const) {
      const key = await createKey(service, { scope });
      seen.push(cacheOf(await ask(key.client, { question: meals })));
    }
    expect(seen).toEqual(['miss', 'miss', 'hit']);
  });
});

describe('nothing stale', () => {
  it('of a document that was deleted, from the very next question on', async () => {
    const question = 'Who paints the lighthouse every spring?';
    standIn.script(() => ({ text: 'The keeper paints the lighthouse every spring [1].' }));
    const { id } = await addDocument(client, { text: 'The keeper paints the lighthouse every spring.' });
    const [first, second] = [await ask(client, { question }), await ask(client, { question })];
    expect([cacheOf(first), cacheOf(second)]).toEqual(['miss', 'hit']);
    expect(second.sources[0].document_id).toBe(id);
    const { body } = await client.delete(`/api/v1/documents/${id}`);
    const next = await ask(client, { question });
    expect(cacheOf(next)).toBe('miss');
    expect(next.sources.map(({ document_id }: Json) => document_id)).not.toContain(id);
    expect(next.answer).not.toContain('keeper');
    expect((await ended(client, body.links.self)).receipt.residual).toBe(0);
    expect(
      await service.sql.query('select 1 from query_cache where value::text like $1', [`%${id}%`]),
    ).toEqual([]);
  });

  it('of a document that has changed', async () => {
    const said = (hour: string) => ({ text: `The ferry leaves at ${hour}.`, external_id: 'ferry' });
    const question = 'When does the ferry leave?';
    await addDocument(client, said('six'));
    standIn.script(() => ({ text: 'The ferry leaves at six [1].' }));
    expect((await ask(client, { question })).answer).toContain('six');
    expect(cacheOf(await ask(client, { question }))).toBe('hit');
    await addDocument(client, said('eight'));
    standIn.script(() => ({ text: 'The ferry leaves at eight [1].' }));
    const next = await ask(client, { question });
    expect([cacheOf(next), next.answer]).toEqual(['miss', expect.stringContaining('eight')]);
  });

  it('after a flag was set or killed', async () => {
    const flag = '/api/v1/admin/flags/meta_planner';
    expect(await lookups({}, {})).toEqual(['miss', 'hit']);
    await client.put(flag, { enabled: true, reason: 'another answer' });
    expect(await lookups({}, {})).toEqual(['miss', 'hit']);
    await client.post(`${flag}/kill`, { reason: 'the first one again' });
    expect(await lookups({})).toEqual(['hit']);
  });

  it('of an answer that was deleted, nor its record', async () => {
    const [first, second] = [await ask(client, { question: meals }), await ask(client, { question: meals })];
    expect([cacheOf(first), cacheOf(second)]).toEqual(['miss', 'hit']);
    expect((await client.delete(first.links.self)).status).toBeLessThan(300);
    expect((await client.get(`/api/v1/admin/answers/${first.id}/record`)).status).toBe(404);
    expect(await lookups({})).toEqual(['miss']);
  });

  it('under another taxonomy version', async () => {
    expect(await lookups({}, {})).toEqual(['miss', 'hit']);
    const putInForce = (version: string) =>
      service.sql.query(
        `begin; update taxonomy_versions set in_force = false where in_force;
         update taxonomy_versions set in_force = true where version = '${version}'; commit`,
      );
    await service.sql.query(`insert into taxonomy_versions (version) values ('1.1.0')`);
    await putInForce('1.1.0');
    const next = await ask(client, { question: meals });
    await putInForce('1.0.0');
    expect([cacheOf(next), next.retrieval.taxonomy_version]).toEqual(['miss', '1.1.0']);
  });

  it('when the cache was cleared', async () => {
    expect(await lookups({}, {})).toEqual(['miss', 'hit']);
    expect((await client.delete('/api/v1/admin/cache/clear?pattern=answer:answer:*')).body.cleared).toBe(1);
    expect(await lookups({})).toEqual(['miss']);
  });

  it('when its time has passed; and no more than there may be', async () => {
    expect(await lookups({}, {})).toEqual(['miss', 'hit']);
    await service.sql.query(
      `update query_cache set created_at = now() - interval '601 seconds' where key like 'answer:%'`,
    );
    expect(await lookups({}, { final_topk: 1 }, { final_topk: 2 }, { final_topk: 3 })).toEqual(
      Array(4).fill('miss'),
    );
    await service.sql.query(`update schedules set next_at = now() where job = 'sweepExpired'`);
    await waitFor('the sweep leaves three', async () => {
      const rows = await service.sql.query(`select 1 from query_cache where key like 'answer:%'`);
      return rows.length === 3;
    });
    expect(await lookups({ final_topk: 3 }, {}), 'the oldest goes first').toEqual(['hit', 'miss']);
  });
});

describe('is not kept', () => {
  it('what had to do without the model', async () => {
    standIn.script(() => ({ error: 503 }));
    const degraded = await ask(client, { question: meals });
    expect(degraded.degraded).not.toBeNull();
    standIn.script(() => ({ text: 'The daily allowance for meals is 45 euros [1].' }));
    const whole = await ask(client, { question: meals });
    expect([cacheOf(degraded), cacheOf(whole), whole.degraded]).toEqual(['miss', 'miss', null]);
  });

  it('a replay', async () => {
    const { id } = await ask(client, { question: meals });
    await client.post('/api/v1/admin/cache/clear?pattern=answer:*');
    const path = `/api/v1/answers/${id}/replay`;
    for (const body of [
      { mode: 'recorded' },
      { mode: 'reexecute' },
      { mode: 'counterfactual', overrides: { final_topk: 2 } },
    ])
      await finished(await client.post(path, body));
    expect(await service.sql.query(`select 1 from query_cache where key like 'answer:%'`)).toEqual([]);
    expect(await lookups({ final_topk: 2 }, {})).toEqual(['miss', 'miss']);
  });
});
