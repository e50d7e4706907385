import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucket } from '../../src/flag-service.ts';
import { type Client, createKey, type Json, startService, type TestService } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

let service: TestService;
let reader: { client: Client; id: string };
beforeAll(async () => {
  service = await startService();
  reader = await createKey(service, { scope: 'read' });
});
afterAll(() => service.stop());

const flags = '/api/v1/admin/flags';
const put = (key: string, json: Json, headers: Record<string, string> = {}) =>
  service.admin.call('PUT', `${flags}/${key}`, { json, headers });
const asked = async (more: Json = {}, headers: Record<string, string> = {}): Promise<Json> => {
  const reply = await reader.client.post('/api/v1/answers', { question: 'What flies?', ...more }, headers);
  if (reply.status !== 202) throw new Error(reply.text);
  return reply.body;
};

describe('the history of a flag', () => {
  it('has who changed it, from what to what and why, in pages', async () => {
    const path = `${flags}/debate_mode/history`;
    expect((await service.admin.get(path)).body).toEqual({ items: [], next_cursor: null });
    await put('debate_mode', { enabled: true, rollout_percent: 10, reason: 'first' });
    await service.admin.post(`${flags}/debate_mode/kill`, { reason: 'harm' });
    await put('debate_mode', { enabled: false, reason: 'off for now' });
    const { items, next_cursor } = (await service.admin.get(`${path}?limit=2`)).body;
    const off = { enabled: false, rollout_percent: 100, killed: false };
    const killed = { enabled: false, rollout_percent: 0, killed: true };
    const tenth = { enabled: true, rollout_percent: 10, killed: false };
    expect(items).toMatchObject([
      { version: 3, by: 'ADMIN_API_KEY', reason: 'off for now', before: killed, after: off },
      { version: 2, by: 'ADMIN_API_KEY', reason: 'harm', before: tenth, after: killed },
    ]);
    const rest = (await service.admin.get(`${path}?limit=2&cursor=${next_cursor}`)).body;
    expect(rest).toMatchObject({ items: [{ version: 1, before: null, after: tenth }], next_cursor: null });
    expect((await service.admin.get(`${flags}/mcp_tools/history`)).body.items).toEqual([]);
  });

  it('is there for flags alone, and for admins alone', async () => {
    for (const path of [`${flags}/no_such`, `${flags}/no_such/history`])
      expect(await service.admin.get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    for (const path of [`${flags}/debate_mode`, `${flags}/debate_mode/history`])
      expect((await reader.client.get(path)).status).toBe(403);
    const odd = await service.admin.get(`${flags}/debate_mode/history?cursor=x`);
    expect(odd).toMatchObject({ status: 422, body: { errors: [{ pointer: '/query/cursor' }] } });
  });
});

describe('a change with If-Match', () => {
  it('is made at that version only, and leaves no trace otherwise', async () => {
    const before = await service.admin.get(`${flags}/tools_policy`);
    expect(before.headers.get('etag')).toBe('"0"');
    const set = await put('tools_policy', { enabled: true, reason: 'one' }, { 'If-Match': '"0"' });
    expect(set).toMatchObject({ status: 200, body: { version: 1 } });
    expect(set.headers.get('etag')).toBe('"1"');
    await service.admin.post(`${flags}/tools_policy/kill`, { reason: 'harm' });
    const late = await put('tools_policy', { enabled: true, reason: 'two' }, { 'If-Match': '"1"' });
    expect(late).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    expect(late.body.detail).toContain('version 2');
    const now = (await service.admin.get(`${flags}/tools_policy`)).body;
    expect(now).toMatchObject({ source: 'kill', enabled: false, version: 2 });
    const audited = (await service.admin.get(`/api/v1/admin/audit?target=${flags}/tools_policy`)).body.items;
    expect(audited).toHaveLength(2);
    const any = await put('tools_policy', { enabled: false, reason: 'three' }, { 'If-Match': '*' });
    expect(any.body).toMatchObject({ source: 'stored', version: 3 });
  });

  it.each(['3', 'W/"3"', '"x"', '"1", "2"'])('is refused where that is %s', async (tag) => {
    const reply = await put('tools_policy', { enabled: true, reason: 'x' }, { 'If-Match': tag });
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ pointer: '/headers/if-match' }] } });
  });

  it('lets one of many win', async () => {
    const tries = Array.from({ length: 8 }, (_, n) =>
      put(
        'experience_replay',
        { enabled: true, rollout_percent: n, reason: `try ${n}` },
        { 'If-Match': '"0"' },
      ),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 7 }, () => 412)]);
    expect((await service.admin.get(`${flags}/experience_replay`)).body.version).toBe(1);
  });
});

describe('the flags of an answer', () => {
  const key = 'soft_q_bandit';
  const halfway = Math.ceil(bucket(key, 'user-1'));

  it('say what decided, in the words of OpenFeature too', async () => {
    await put(key, { enabled: true, rollout_percent: halfway, reason: 'a share' });
    const outside = Array.from({ length: 50 }, (_, n) => `user-${n}`).find(
      (id) => bucket(key, id) >= halfway,
    ) as string;
    const shared = { reason: 'rollout', percent: halfway, resolution_reason: 'SPLIT', identity: 'header' };
    expect((await asked({}, { 'X-Rollout-Id': 'user-1' })).flags[key]).toEqual({
      ...shared,
      ...{ on: true, variant: 'on', version: 1 },
    });
    expect((await asked({}, { 'X-Rollout-Id': outside })).flags[key]).toMatchObject({ ...shared, on: false });
    const { flags: all } = await asked();
    expect(all[key]).toMatchObject({ on: bucket(key, reader.id) < halfway, identity: 'key' });
    expect(all.mcp_tools).toEqual({
      ...{ on: false, reason: 'default', percent: 100 },
      ...{ variant: 'off', resolution_reason: 'DEFAULT' },
    });
  });

  it('go on with what its conversation was begun with', async () => {
    const first = await asked({}, { 'X-Rollout-Id': 'user-1' });
    const second = await asked({ previous_answer_id: first.id });
    const third = await asked({ previous_answer_id: second.id });
    for (const { flags: held } of [second, third])
      expect(held[key]).toMatchObject({ on: true, identity: 'conversation' });
    const begun = await asked();
    const followed = await asked({ previous_answer_id: begun.id });
    expect(followed.flags[key]).toEqual(begun.flags[key]);
    expect(JSON.stringify(third)).not.toContain('user-1');
  });

  it('follow a change that no notification tells of', async () => {
    await service.sql.query(`update flag_overrides set rollout_percent = 100 where key = $1`, [key]);
    await waitFor('it is on for everybody', async () => (await asked()).flags[key].percent === 100);
  });

  it('are counted, with what is known of them', async () => {
    const { text } = await service.anonymous.get('/metrics');
    expect(text).toMatch(
      /rag_flag_evaluations_total\{flag="soft_q_bandit",outcome="on",reason="rollout"\} \d/,
    );
    expect(text).toContain('rag_flag_share_percent{flag="soft_q_bandit",source="stored"} 100');
    expect(text).toContain('rag_flag_share_percent{flag="mcp_tools",source="default"} 0');
    expect(text).toMatch(/rag_flags_age_seconds \d/);
    expect((await service.anonymous.get('/health')).body.checks.flags).toMatchObject({ status: 'ok' });
  });

  it('need an identity of at most 200 characters', async () => {
    const headers = { 'X-Rollout-Id': 'x'.repeat(201) };
    const reply = await reader.client.post('/api/v1/search', { q: 'bird' }, headers);
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ pointer: '/headers/x-rollout-id' }] } });
  });
});
