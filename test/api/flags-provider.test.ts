import { OpenFeature } from '@openfeature/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucket } from '../../src/flag-service.ts';
import { createOfrepProvider } from '../../src/flags/ofrep-provider.ts';
import { type OfrepStandIn, startOfrepStandIn } from '../support/ofrep-stand-in.ts';
import { type Client, createKey, type Json, startService, type TestService } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

let other: OfrepStandIn;
let service: TestService;
let reader: { client: Client; key: string; id: string };
beforeAll(async () => {
  other = await startOfrepStandIn();
  service = await startService({
    FLAG_PROVIDER: 'ofrep',
    FLAG_PROVIDER_URL: `${other.origin}/flags/`,
    FLAG_PROVIDER_TOKEN: 'for-the-stand-in',
  });
  reader = await createKey(service, { scope: 'read' });
});
afterAll(async () => {
  await service.stop();
  await other.close();
});

let callers = 0;
/** Nobody has asked for this one before, so nothing of it is known. */
const newCaller = () => `caller-${++callers}`;
const flagsFor = async (rolloutId: string): Promise<Json> => {
  const headers = { 'X-Rollout-Id': rolloutId };
  const { body } = await reader.client.post('/api/v1/answers', { question: 'What flies?' }, headers);
  return body.flags;
};
const set = (key: string, json: Json) => service.admin.put(`/api/v1/admin/flags/${key}`, json);
const health = async (): Promise<Json> => (await service.anonymous.get('/health')).body.checks.flag_provider;

describe('another provider', () => {
  it('decides the flags that it knows, and is told for whom', async () => {
    other.flags.meta_planner = { value: true, variant: 'treatment', reason: 'TARGETING_MATCH' };
    other.flags.debate_mode = { value: false, variant: 'control', reason: 'a reason of its own' };
    await set('debate_mode', { enabled: true, reason: 'stored, and not asked' });
    await set('mcp_tools', { enabled: true, reason: 'unknown to the other one' });
    const caller = newCaller();
    const flags = await flagsFor(caller);
    const decided = { reason: 'provider', percent: 100, identity: 'header' };
    expect(flags.meta_planner).toEqual({
      ...{ ...decided, on: true, variant: 'treatment', resolution_reason: 'TARGETING_MATCH' },
    });
    expect(flags.debate_mode).toEqual({
      ...{ ...decided, on: false, variant: 'control', resolution_reason: 'UNKNOWN' },
    });
    expect(flags.mcp_tools).toMatchObject({ on: true, reason: 'stored', resolution_reason: 'STATIC' });
    const asked = other.requests.filter(({ context }) => context.targetingKey === caller);
    expect(asked).toMatchObject([
      { path: '/flags/ofrep/v1/evaluate/flags', authorization: 'Bearer for-the-stand-in' },
    ]);
    expect(await health()).toEqual({ status: 'ok' });
  });

  it('does not turn on what is killed', async () => {
    await service.admin.post('/api/v1/admin/flags/meta_planner/kill', { reason: 'harm' });
    expect((await flagsFor(newCaller())).meta_planner).toMatchObject({ on: false, reason: 'kill' });
    await set('meta_planner', { enabled: false, reason: 'not any more' });
    expect((await flagsFor(newCaller())).meta_planner).toMatchObject({ on: true, reason: 'provider' });
  });

  it('is followed when it changes its mind', async () => {
    const caller = newCaller();
    other.flags.soft_q_bandit = { value: false, variant: 'off', reason: 'SPLIT' };
    expect((await flagsFor(caller)).soft_q_bandit).toMatchObject({ on: false, resolution_reason: 'SPLIT' });
    other.flags.soft_q_bandit = { value: true, variant: 'on', reason: 'SPLIT' };
    await waitFor('it is on', async () => (await flagsFor(caller)).soft_q_bandit.on);
  });

  it('that errs about one flag leaves that one as it is stored', async () => {
    other.flags.tools_policy = { value: 'yes', reason: 'STATIC' };
    other.flags.experience_replay = { errorCode: 'PARSE_ERROR' };
    const flags = await flagsFor(newCaller());
    const stored = { on: false, reason: 'default', resolution_reason: 'ERROR' };
    expect(flags.tools_policy).toMatchObject({ ...stored, error_code: 'TYPE_MISMATCH' });
    expect(flags.experience_replay).toMatchObject({ ...stored, error_code: 'PARSE_ERROR' });
    expect(flags.meta_planner).toMatchObject({ on: true, reason: 'provider' });
    delete other.flags.tools_policy;
    delete other.flags.experience_replay;
  });

  it('that does not answer leaves its last values, else the stored ones', async () => {
    const known = newCaller();
    expect((await flagsFor(known)).meta_planner).toMatchObject({ reason: 'provider' });
    other.script(() => 'hangs');
    await waitFor('that is noticed', async () => {
      const flags = await flagsFor(known);
      return flags.meta_planner.resolution_reason === 'STALE' && flags;
    });
    const [before, never] = [await flagsFor(known), await flagsFor(newCaller())];
    expect(before.meta_planner).toMatchObject({ on: true, reason: 'provider', variant: 'treatment' });
    expect(never.meta_planner).toMatchObject({ on: false, reason: 'stored', resolution_reason: 'ERROR' });
    expect(never.meta_planner.error_code).toBeTruthy();
    expect(await health()).toMatchObject({ status: 'warn' });
    other.script([]);
    await waitFor('it is asked again', async () => (await flagsFor(newCaller())).meta_planner.on);
  });
});

describe('our flags for other SDKs', () => {
  const domain = 'our own flags';
  beforeAll(() =>
    OpenFeature.setProviderAndWait(
      domain,
      createOfrepProvider({ url: service.url, token: reader.key, timeoutMs: 5000 }),
    ),
  );
  afterAll(() => OpenFeature.clearProviders());

  it('are what an answer would be given', async () => {
    await set('experience_replay', { enabled: true, rollout_percent: 50, reason: 'a share' });
    const client = OpenFeature.getClient(domain);
    for (const targetingKey of ['user-1', 'user-2', 'user-3', 'user-4']) {
      const on = bucket('experience_replay', targetingKey) < 50;
      const found = await client.getBooleanDetails('experience_replay', !on, { targetingKey });
      expect(found).toMatchObject({ value: on, variant: on ? 'on' : 'off', reason: 'SPLIT' });
      expect(found.flagMetadata).toMatchObject({ decided_by: 'rollout', percent: 50, version: 1 });
    }
    const unknown = await client.getBooleanDetails('no_such', true, { targetingKey: 'user-1' });
    expect(unknown).toMatchObject({ value: true, errorCode: 'FLAG_NOT_FOUND' });
  });

  it('keep to the protocol', async () => {
    const path = '/ofrep/v1/evaluate/flags';
    const context = { targetingKey: 'user-1', country: 'KR' };
    const one = await reader.client.post(`${path}/mcp_tools`, { context });
    expect(one).toMatchObject({ status: 200, body: { key: 'mcp_tools', value: true, reason: 'STATIC' } });
    const missing = await reader.client.post(`${path}/no_such`, { context });
    expect(missing).toMatchObject({ status: 404, body: { key: 'no_such', errorCode: 'FLAG_NOT_FOUND' } });
    for (const to of [path, `${path}/mcp_tools`])
      expect(await reader.client.post(to, { context: {} })).toMatchObject({
        ...{ status: 400, body: { errorCode: 'TARGETING_KEY_MISSING' } },
      });
    const all = await reader.client.post(path, { context });
    expect(all.body.flags).toHaveLength(7);
    const tag = { 'If-None-Match': all.headers.get('etag') as string };
    expect((await reader.client.post(path, { context }, tag)).status).toBe(304);
    expect((await service.anonymous.post(path, { context })).status).toBe(401);
  });
});
