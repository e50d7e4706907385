import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDocument, ask, type Json, startService, type TestService } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';
import { openReceiver, verify, type WebhookReceiver } from '../support/webhook-receiver.ts';

const path = '/api/v1/admin/rollouts';
let service: TestService;
let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await openReceiver();
  service = await startService({ WEBHOOK_PRIVATE_ADDRESSES: 'allow' });
  await addDocument(service.admin, { text: 'The lighthouse keeper winds the clockwork every four hours.' });
});
afterAll(async () => {
  await service?.stop();
  await receiver?.close();
});

const flag = async (key: string): Promise<Json> =>
  (await service.admin.get('/api/v1/admin/flags')).body.items.find((one: Json) => one.key === key);
const show = async (id: string): Promise<Json> => (await service.admin.get(`${path}/${id}`)).body;
const post = (id: string, what: string, json: Json, headers: Record<string, string> = {}) =>
  service.admin.post(`${path}/${id}/${what}`, json, headers);
const question = { question: 'How often is the clockwork wound?' };

const stages = [
  { name: 'a tenth', flags: { debate_mode: 10 }, min_minutes: 0, min_samples: 1 },
  { name: 'all', flags: { debate_mode: 100 }, min_minutes: 0, min_samples: 1, gates: [] },
];

it('begins at once, stage by stage, and tells what it saw', async () => {
  const hook = await service.admin.post('/api/v1/webhooks', {
    url: receiver.url('/rollouts'),
    events: ['rollout.advanced', 'rollout.completed', 'rollout.rolled_back'],
  });
  const begun = await service.admin.post(path, { name: 'Debate | *carefully*', stages, reason: 'new' });
  expect(begun.status).toBe(201);
  const { id } = begun.body;
  expect(begun.headers.get('location')).toBe(`${path}/${id}`);
  expect(begun.body).toMatchObject({
    status: 'running',
    stage: 0,
    flags: { debate_mode: { rollout_percent: 10 } },
  });
  expect(await flag('debate_mode')).toMatchObject({ enabled: true, rollout_percent: 10, source: 'stored' });
  expect((await service.admin.post(path, { template: 'four-weeks', stages, reason: 'x' })).status).toBe(422);
  const other = await service.admin.post(path, { stages, reason: 'me too' });
  expect([other.status, other.body.detail]).toEqual([409, expect.stringContaining(id)]);

  // Somebody among a few dozen callers is in the tenth.
  const callers = Array.from({ length: 60 }, (_, n) => `caller-${n}`);
  const asked = await waitFor('both arms have answers', async () => {
    const caller = callers.pop() as string;
    const reply = await service.admin.post('/api/v1/answers', question, { 'X-Rollout-Id': caller });
    const { treatment, control } = (await show(id)).arms;
    return treatment.exposures > 0 && control.exposures > 0 && reply;
  });
  expect(asked.body.flags.debate_mode.reason).toBe('rollout');
  await ask(service.admin, question);
  const report = await waitFor('an answer of the treatment has ended', async () => {
    const now = await show(id);
    return now.arms.treatment.decided > 0 && now;
  });
  expect(report.share).toBeGreaterThan(0);
  expect(report.gates.map(({ metric }: Json) => metric)).toContain('citation_support');

  const refused = await post(id, 'advance', { reason: 'quickly' });
  expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('With force: true')]);
  const stale = await post(id, 'advance', { reason: 'late', force: true }, { 'If-Match': '"7"' });
  expect([stale.status, stale.body.code]).toEqual([412, 'precondition_failed']);
  const first = (await service.admin.get(`${path}/${id}`)).headers.get('etag') as string;
  const advanced = await post(id, 'advance', { reason: 'I looked', force: true }, { 'If-Match': first });
  expect(advanced.body).toMatchObject({ stage: 1, status: 'running', concurrent: false });
  expect(await flag('debate_mode')).toMatchObject({ enabled: true, rollout_percent: 100 });
  expect((await post(id, 'rollback', { reason: 'late' }, { 'If-Match': first })).status).toBe(412);
  const over = await post(id, 'rollback', { reason: 'no use' });
  expect(over.body).toMatchObject({ status: 'rolled_back', is_terminal: true });
  expect(await flag('debate_mode')).toMatchObject({ enabled: false });
  expect((await post(id, 'resume', { reason: 'again' })).status).toBe(409);
  expect(over.body.history.map(({ type, reason }: Json) => `${type}: ${reason}`)).toEqual([
    'started: new',
    'advanced: I looked',
    'rolled_back: no use',
  ]);

  const told = await receiver.receives('/rollouts', 2);
  expect(
    told
      .map((one) => verify(one, hook.body.secret))
      .map((event) => (event as Json).type)
      .sort(),
  ).toEqual(['rollout.advanced', 'rollout.rolled_back']);
  const { items } = (await service.admin.get(`/api/v1/admin/audit?target=${path}/${id}`)).body;
  expect(items.map(({ route, after }: Json) => [route.split('/').pop(), after.reason])).toEqual([
    ['rollback', 'no use'],
    ['advance', 'I looked'],
    ['rollouts', 'new'],
  ]);
  const metrics = (await service.anonymous.get('/metrics')).text;
  expect(metrics).toContain('rag_rollout_moves_total{move="rollback",by="hand"} 1');
});

it('lets go of a flag that somebody else sets, and gives a report as text', async () => {
  const { body } = await service.admin.post(path, { template: 'four-weeks', reason: 'the usual way' });
  expect(await flag('experience_replay')).toMatchObject({ enabled: true, rollout_percent: 0 });
  const metrics = (await service.anonymous.get('/metrics')).text;
  expect(metrics).toContain('rag_rollout_stage{flags="experience_replay,soft_q_bandit",status="running"} 0');
  await service.admin.put('/api/v1/admin/flags/soft_q_bandit', { enabled: true, reason: 'at once' });
  const paused = await waitFor('the rollout has noticed', async () => {
    const now = await show(body.id);
    return now.status === 'paused' && now;
  });
  expect(paused).toMatchObject({ paused_because: 'flag_changed', baseline: true });
  expect(paused.incidents[0].note).toContain('soft_q_bandit was changed outside the rollout');
  expect(await flag('soft_q_bandit')).toMatchObject({ rollout_percent: 100, reason: 'at once' });
  const text = await service.admin.get(`${path}/${body.id}`, { headers: { Accept: 'text/markdown' } });
  expect(text.headers.get('content-type')).toContain('text/markdown');
  expect(text.text).toContain('# Rollout: four-weeks');
  expect(text.text).toContain('**paused**, stage 1 of 4: Week 1: baseline');
  expect(text.text).toMatch(/\| memory_mb {2}\(hold\) \| at most 1,024 MB \| [\d,.]+ MB \|/);
  expect((await service.admin.get(`${path}/${body.id}?format=markdown`)).text).toContain('## Incidents');
  const resumed = await post(body.id, 'resume', { reason: 'back to the plan' });
  expect(resumed.body).toMatchObject({ status: 'running', paused_because: null });
  expect(await flag('soft_q_bandit')).toMatchObject({ rollout_percent: 0 });
  await post(body.id, 'pause', { reason: 'a holiday' });
  expect((await post(body.id, 'advance', { reason: 'now', force: true })).status).toBe(409);
  await post(body.id, 'rollback', { reason: 'enough' });
  expect((await service.admin.get(`${path}?status=rolled_back`)).body.items).toHaveLength(2);
});
