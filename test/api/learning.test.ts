import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handbook } from '../support/handbook.ts';
import { publishPreference } from '../support/policy-version.ts';
import {
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

let service: TestService;
let writer: Client;

beforeAll(async () => {
  // What a busy machine takes must not decide what is retrieved.
  service = await startService({ STEP_BUDGETS: 'retrieve=20000' });
  writer = (await createKey(service, { scope: 'write' })).client;
  await addDocuments(writer, handbook);
});
afterAll(() => service.stop());

const question = 'How many days a week may employees work from home, and who approves the days?';
const put = (path: string, body: object) => service.admin.put(`/api/v1/admin/${path}`, body);
const turn = async (flag: string, enabled: boolean) => {
  const { status } = await put(`flags/${flag}`, { enabled, reason: 'a test' });
  expect(status).toBe(200);
};
const experiencesOf = (answer: Json) =>
  service.sql.query<Json>('select * from experiences where answer_id = $1 order by source', [answer.id]);
const passagesOf = async ({ id }: Json): Promise<Json[]> =>
  (await service.admin.get(`/api/v1/admin/answers/${id}/record`)).body.passages;
const scoresOf = async (answer: Json) =>
  (await passagesOf(answer)).map(({ chunk_id, score }) => [chunk_id, score]);
const replay = async (answer: Json, request: object): Promise<Json> =>
  ended(writer, (await writer.post(`/api/v1/answers/${answer.id}/replay`, request)).body.links.self);

/** An answer with a policy in force that has learned to take this action; it explores once in a hundred. */
async function askUnder(action: Parameters<typeof publishPreference>[1]): Promise<Json> {
  const version = await publishPreference(service.sql, action);
  return waitFor(`an answer by ${action}`, async () => {
    const answer = await ask(writer, { question });
    const { policy, policy_version } = answer.retrieval;
    return policy_version === version && policy.action === action && answer;
  });
}

describe('with the flags off', () => {
  it('nothing is decided, added or learned', async () => {
    await publishPreference(service.sql, 'keyword:deliberate');
    const answer = await ask(writer, { question });
    expect(answer.retrieval).toMatchObject({
      ...{ strategy: 'hybrid', policy_version: null, propensity: 1, explored: false },
    });
    expect(answer.retrieval).not.toHaveProperty('policy');
    expect((await writer.post(answer.links.feedback, { rating: 1 })).status).toBe(201);
    expect((await service.admin.get('/api/v1/admin/learning')).body.buffer.size).toBe(0);
  });
});

describe('experience_replay', () => {
  it('keeps what an answer and its ratings were worth, and nothing of the question', async () => {
    await turn('experience_replay', true);
    const answer = await ask(writer, { question });
    const [own] = await experiencesOf(answer);
    expect(own, 'there with the answer').toMatchObject({
      ...{ source: 'answer', action: 'hybrid:direct', propensity: 1, policy_version: null, learned_at: null },
      reward_parts: { answered: 1, latency: expect.any(Number), citation_support: expect.any(Number) },
    });
    expect(own?.state).toMatch(/^c1-i0-k[0-2]-v[0-2]$/);
    expect(JSON.stringify(own)).not.toContain('home');
    for (const rating of [-1, 5]) await writer.post(answer.links.feedback, { rating });
    const rated = (await experiencesOf(answer)).filter(({ source }) => source.startsWith('feedback:'));
    expect(rated, 'the second in the place of the first').toHaveLength(1);
    expect(rated[0]).toMatchObject({ reward: 1, state: own?.state, action: 'hybrid:direct' });
    const { body } = await service.admin.get('/api/v1/admin/learning');
    expect(body.buffer).toMatchObject({ size: 2, pending: 2, capacity: 10_000 });
    expect(body.strategies).toMatchObject([
      { action: 'hybrid:direct', source: 'answer', experiences: 1 },
      { action: 'hybrid:direct', source: 'feedback', experiences: 1, reward_mean: 1 },
    ]);
  });

  it('keeps nothing where the caller chose, or of a replay', async () => {
    const chosen = await ask(writer, { question, strategy: 'keyword' });
    const again = await replay(chosen, { mode: 'reexecute' });
    const own = await ask(writer, { question });
    expect(await experiencesOf(own)).toHaveLength(1);
    expect([...(await experiencesOf(chosen)), ...(await experiencesOf(again))]).toEqual([]);
  });

  it('learns from what came while it was paused as soon as it goes on', async () => {
    expect((await put('learning', { paused: true, reason: 'a look' })).body).toMatchObject({ paused: true });
    await service.sql.query(
      `insert into experiences (answer_id, source, state, action, propensity, reward, reward_parts)
       select gen_random_uuid(), 'answer', 'c0-i0-k1-v1', 'keyword:direct', .5, .9, '{}' from generate_series(1, 100)`,
    );
    const before = (await service.admin.get('/api/v1/admin/learning/policy')).body;
    await put('learning', { paused: false, reason: 'enough' });
    const { body } = await waitFor('three batches were learned', async () => {
      const reply = await service.admin.get('/api/v1/admin/learning');
      return reply.body.batches.learned === 3 && reply;
    });
    expect(body).toMatchObject({ paused: false, batches: { planned: 3, learned: 3 } });
    expect(body.buffer.pending).toBeLessThan(32);
    const after = (await service.admin.get('/api/v1/admin/learning/policy')).body;
    expect(after.version).toBe(before.version + 3);
    expect(after.states).toHaveLength(108);
    for (const { probabilities } of after.states)
      expect(Object.values<number>(probabilities).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
    const evaluate = (body: object) => service.admin.post('/api/v1/admin/learning/evaluate', body);
    const judged = (await evaluate({ policy: 'thompson' })).body;
    expect(judged.learned_from + judged.experiences).toBe(body.buffer.size - 1);
    expect(judged.logged.value).toBeGreaterThan(0.5);
    const [left] = await service.sql.query<Json>(
      `select count(*)::int as count from experiences where source = 'answer' and learned_version is null`,
    );
    expect((await evaluate({ version: after.version })).body, 'by what it has not learned').toMatchObject({
      ...{ version: after.version, learned_from: null, experiences: left?.count },
      warnings: expect.arrayContaining([expect.stringContaining('sample size')]),
    });
    const both = await evaluate({ policy: 'fixed', version: 1 });
    expect([both.status, both.body.errors[0].pointer]).toEqual([422, '/version']);
    const restored = await service.admin.post('/api/v1/admin/learning/policy/restore', {
      ...{ version: before.version, reason: 'as it was' },
    });
    expect(restored.body).toMatchObject({ parent: before.version, made_by: 'restore', live: true });
    const now = (await service.admin.get('/api/v1/admin/learning/policy')).body;
    expect([now.version, now.states]).toEqual([restored.body.version, before.states]);
    const missing = { version: 12_345, reason: 'nothing' };
    expect((await service.admin.post('/api/v1/admin/learning/policy/restore', missing)).status).toBe(404);
  });
});

describe('soft_q_bandit', () => {
  it('uses hybrid until something was learned', async () => {
    const off = await ask(writer, { question });
    await turn('soft_q_bandit', true);
    await service.sql.query('update policy_versions set live = false');
    const answer = await waitFor('no version is in force', async () => {
      const found = await ask(writer, { question });
      return found.retrieval.policy_version === null && found;
    });
    expect(answer.retrieval).toMatchObject({
      ...{ strategy: 'hybrid', propensity: 1, explored: false },
      policy: { name: 'fixed', action: 'hybrid:direct', state: expect.stringMatching(/^c1-i0-k\d-v\d$/) },
    });
    expect(await scoresOf(answer), 'as if nobody had been asked').toEqual(await scoresOf(off));
  });

  it('does what the policy decides, and says so', async () => {
    const hybrid = await askUnder('hybrid:direct');
    const keyword = await askUnder('keyword:direct');
    expect(keyword.retrieval).toMatchObject({ strategy: 'keyword', explored: false });
    expect(keyword.retrieval.propensity).toBeGreaterThan(0.9);
    for (const { keyword_score } of await passagesOf(keyword)) expect(keyword_score).toBeGreaterThan(0);
    const heavy = await askUnder('vector_heavy:direct');
    const deliberate = await askUnder('hybrid:deliberate');
    const runs = await Promise.all([hybrid, keyword, heavy, deliberate].map(scoresOf));
    expect(new Set(runs.map((run) => JSON.stringify(run))).size, 'each is another retrieval').toBe(4);
    const [own] = await experiencesOf(deliberate);
    const { policy, policy_version, propensity } = deliberate.retrieval;
    expect(own).toMatchObject({ state: policy.state, action: policy.action, policy_version });
    expect(own?.propensity).toBeCloseTo(propensity, 5);
  });

  it('leaves the strategy to a caller who chose one', async () => {
    await publishPreference(service.sql, 'keyword:direct');
    const answer = await ask(writer, { question, strategy: 'vector' });
    expect(answer.retrieval).toMatchObject({ strategy: 'vector', policy_version: null, propensity: 1 });
    expect(answer.retrieval).not.toHaveProperty('policy');
  });

  it('is repeated by a replay, whatever would be decided now, unless the flag is to be another', async () => {
    const answer = await askUnder('vector_heavy:deliberate');
    await publishPreference(service.sql, 'keyword:direct');
    const again = await replay(answer, { mode: 'reexecute' });
    expect(again.retrieval).toEqual(answer.retrieval);
    expect(again.diff).toMatchObject({ identical: true, changed: [] });
    const overrides = { flags: { soft_q_bandit: false } };
    const without = await replay(answer, { mode: 'counterfactual', overrides });
    expect(without.retrieval).toMatchObject({ strategy: 'hybrid', policy_version: null });
    expect(without.diff.retrieval.identical).toBe(false);
  });
});
