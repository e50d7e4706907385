import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileForm } from '../support/http.ts';
import {
  addDocument,
  ask,
  type Client,
  createKey,
  documentEnded,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';
import { onlyWhere } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';
import { openReceiver, type Received, verify, type WebhookReceiver } from '../support/webhook-receiver.ts';

let service: TestService;
let receiver: WebhookReceiver;
let writer: Client;
let other: Client;
let reader: Client;
beforeAll(async () => {
  receiver = await openReceiver();
  service = await startService({ WEBHOOK_PRIVATE_ADDRESSES: 'allow' });
  writer = (await createKey(service, { scope: 'write' })).client;
  other = (await createKey(service, { scope: 'write' })).client;
  reader = (await createKey(service, { scope: 'read' })).client;
});
afterAll(async () => {
  await service?.stop();
  await receiver?.close();
});

async function register(
  client: Client,
  path: string,
  events: string[],
): Promise<{ secret: string; webhook: Json }> {
  const reply = await client.post('/api/v1/webhooks', { url: receiver.url(path), events });
  expect(reply.status, reply.text).toBe(201);
  expect(reply.headers.get('cache-control')).toBe('no-store');
  return reply.body;
}
const typesOf = (got: Received[], secret: string) =>
  got.map((one) => verify(one, secret) as { type: string; data: Json });

describe('a registered webhook', () => {
  it('is told when documents, batches and answers of its key have ended, by ids alone', async () => {
    const events = ['answer.completed', 'document.ready', 'document.failed', 'ingestion_batch.completed'];
    const { secret } = await register(writer, '/all', events);
    const document = await addDocument(writer, { text: 'The tower stands in Paris.', title: 'Towers' });
    const empty = await writer.call('POST', '/api/v1/documents', {
      form: fileForm({ name: 'a.pdf', bytes: '%PDF-1.4 nothing' }),
    });
    await documentEnded(writer, empty.body.id);
    const batch = await writer.post('/api/v1/ingestion-batches', { items: [{ text: 'In a batch.' }] });
    await ended(writer, batch.body.links.self);
    const [item] = (await writer.get(batch.body.links.items)).body.items;
    const answer = await ask(writer, { question: 'Where does the tower stand?' });
    // Of others, which it is not told of.
    await ask(other, { question: 'Where does the tower stand?' });
    const told = typesOf(await receiver.receives('/all', 5), secret);
    expect(told.map(({ data, type }) => [type, data.id, data.status]).sort()).toEqual(
      [
        ['answer.completed', answer.id, 'completed'],
        ['document.failed', empty.body.id, 'failed'],
        ['document.ready', document.id, 'ready'],
        ['document.ready', item.document_id, 'ready'],
        ['ingestion_batch.completed', batch.body.id, 'completed'],
      ].sort(),
    );
    for (const { data } of told) expect((await writer.get(data.links.self)).body.id).toBe(data.id);
    expect(JSON.stringify(told)).not.toMatch(/tower|Paris/i);
    const metrics = await waitFor('it is counted', async () => {
      const { text } = await service.admin.get('/metrics');
      return /rag_webhook_attempts_total\{outcome="delivered"\} [5-9]/.test(text) && text;
    });
    expect(metrics).toMatch(/rag_webhook_deliveries_pending 0/);
    expect(metrics).toMatch(/rag_webhook_oldest_pending_seconds 0/);
  });

  it('is told of every end of a batch whose failed items are retried, once each', async () => {
    const events = ['ingestion_batch.completed', 'document.failed'];
    const { secret, webhook } = await register(other, '/retried', events);
    const items = [{ text: 'Write to kim@example.org, please.', pii: 'reject' }];
    const { links } = (await other.post('/api/v1/ingestion-batches', { items })).body;
    await ended(other, links.self);
    await receiver.receives('/retried', 2);
    await other.post(`${links.self}/retry`);
    const got = await receiver.receives('/retried', 4);
    const types = typesOf(got, secret).map(({ type }) => type);
    expect(types.sort()).toEqual([...events, ...events].sort());
    expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(4);
    await other.delete(webhook.links.self);
  });

  it('can be tried out, and is told nothing more once its key is revoked', async () => {
    const { client, id } = await createKey(service, { scope: 'write' });
    const { secret, webhook } = await register(client, '/pinged', ['answer.completed']);
    const ping = await client.post(`${webhook.links.self}/ping`);
    expect([ping.status, ping.body.type]).toEqual([202, 'webhook.ping']);
    const [got] = (await receiver.receives('/pinged', 1)) as [Received];
    expect(verify(got, secret)).toMatchObject({ type: 'webhook.ping', data: { id: webhook.id } });
    receiver.answers('/pinged', (response) => void response.writeHead(500).end());
    const { links } = (await client.post(`${webhook.links.self}/ping`)).body;
    await receiver.receives('/pinged', 2);
    await service.admin.delete(`/api/v1/admin/api-keys/${id}`);
    expect(await ended(service.admin, links.self)).toMatchObject({ status: 'cancelled', attempts: 1 });
  });

  it('is signed with both secrets while a new one is taken over', async () => {
    const first = await register(writer, '/rotated', ['answer.completed']);
    const path = first.webhook.links.self;
    const rotated = await writer.post(`${path}/rotate-secret`, { overlap_seconds: 3600 });
    expect(rotated.status).toBe(200);
    expect(rotated.body.secret).not.toBe(first.secret);
    expect(rotated.body.webhook.old_secret_until).not.toBeNull();
    await ask(writer, { question: 'Where does the tower stand?' });
    const [got] = (await receiver.receives('/rotated', 1)) as [Received];
    for (const secret of [first.secret, rotated.body.secret]) verify(got, secret);
    const again = await writer.post(`${path}/rotate-secret`, { overlap_seconds: 0 });
    await ask(writer, { question: 'Where does the tower stand?' });
    const [, last] = (await receiver.receives('/rotated', 2)) as [Received, Received];
    verify(last, again.body.secret);
    expect(() => verify(last, rotated.body.secret)).toThrow();
    await writer.delete(path);
  });

  it('can be read, changed, disabled and deleted, and its deliveries be sent again', async () => {
    const { webhook } = await register(writer, '/changed', ['answer.failed']);
    const { self } = webhook.links;
    const patch = (json: unknown) => writer.call('PATCH', self, { json });
    const events = ['answer.completed'];
    expect((await patch({ events, description: 'Mine' })).body).toMatchObject({
      events,
      description: 'Mine',
    });
    await ask(writer, { question: 'Where does the tower stand?' });
    const [got] = (await receiver.receives('/changed', 1)) as [Received];
    const id = got.headers['webhook-id'];
    const delivered = await waitFor('it is written down', async () => {
      const { body } = await writer.get(`${self}/deliveries?status=delivered`);
      return body.items.length === 1 && body.items[0];
    });
    expect(delivered).toMatchObject({ id, type: 'answer.completed', attempts: 1, last_status: 204 });
    const again = await writer.post(delivered.links.redeliver);
    expect([again.status, again.body.status]).toEqual([202, 'pending']);
    const twice = await receiver.receives('/changed', 2);
    expect(twice[1]?.headers['webhook-id']).toBe(id);
    expect(twice[1]?.body).toBe(got.body);
    const detail = await ended(writer, delivered.links.self);
    expect(detail.payload).toBe(got.body);
    expect(detail.log.map(({ n, status }: Json) => [n, status])).toEqual([
      [2, 204],
      [1, 204],
    ]);
    expect((await patch({ enabled: false })).body).toMatchObject({ enabled: false });
    expect((await writer.post(delivered.links.redeliver)).body.code).toBe('conflict');
    expect((await patch({ enabled: true })).body).toMatchObject({ enabled: true, disabled_reason: null });
    expect((await writer.delete(self)).status).toBe(204);
    for (const path of [self, `${self}/deliveries`, delivered.links.self])
      expect((await writer.get(path)).status).toBe(404);
  });

  it('is deleted although a try at it is being written down', async (test) => {
    onlyWhere(test, 'connections have sessions of their own');
    const { webhook } = await register(writer, '/deleted', ['document.ready']);
    const { self } = webhook.links;
    const ping = await writer.post(`${self}/ping`);
    await ended(writer, ping.body.links.self);
    // As a worker writes a try: the delivery first, then its webhook.
    const { sql } = service;
    await sql.query('begin');
    await sql.query('update webhook_deliveries set tries = tries where webhook_id = $1', [webhook.id]);
    const deleting = writer.delete(self);
    await waitFor('it waits for the delivery', async () => {
      const [row] = await sql.query<{ waiting: boolean }>(
        `select exists (select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))) as waiting`,
      );
      return row?.waiting;
    });
    await sql.query('update webhooks set failures_in_row = 0 where id = $1', [webhook.id]);
    await sql.query('commit');
    expect((await deleting).status).toBe(204);
    expect((await writer.get(self)).status).toBe(404);
  });

  it('is nobody else’s: not there for other keys, all of them for an admin', async () => {
    const { webhook } = await register(writer, '/mine', ['answer.completed']);
    await ask(writer, { question: 'Where does the tower stand?' });
    await receiver.receives('/mine', 1);
    const { self } = webhook.links;
    const [delivery] = (await writer.get(`${self}/deliveries`)).body.items;
    const tries: [string, string, unknown?][] = [
      ['GET', self],
      ['PATCH', self, { enabled: false }],
      ['DELETE', self],
      ['POST', `${self}/rotate-secret`, {}],
      ['GET', `${self}/deliveries`],
      ['GET', delivery.links.self],
      ['POST', delivery.links.redeliver],
    ];
    for (const [method, path, json] of tries) {
      const reply = await other.call(method, path, json === undefined ? {} : { json });
      expect([method, path, reply.status]).toEqual([method, path, 404]);
    }
    expect((await other.get('/api/v1/webhooks')).body.items).toEqual([]);
    const ids = (await service.admin.get('/api/v1/webhooks')).body.items.map(({ id }: Json) => id);
    expect(ids).toContain(webhook.id);
    expect((await service.admin.get(delivery.links.self)).status).toBe(200);
    const all = { url: receiver.url('/x'), events: ['answer.completed'], all_keys: true };
    expect((await writer.post('/api/v1/webhooks', all)).status).toBe(403);
    expect(JSON.stringify((await service.admin.get(self)).body)).not.toContain('whsec_');
    const [row] = await service.sql.query<Json>('select * from webhooks where id = $1', [webhook.id]);
    expect(row.secret.toString('latin1')).not.toContain('whsec_');
    await writer.delete(self);
  });

  it('refuses what no webhook can be sent to, and events that there are not', async () => {
    const events = ['answer.completed'];
    const cases: [unknown, string, string][] = [
      [{ url: 'http://169.254.169.254/latest', events }, 'webhook_url_refused', '/url'],
      [{ url: 'https://user:pass@example.org/', events }, 'webhook_url_refused', '/url'],
      [{ url: 'ftp://example.org/', events }, 'webhook_url_refused', '/url'],
      [{ url: 'nonsense', events }, 'validation_failed', '/url'],
      [{ url: 'https://example.org/', events: [] }, 'validation_failed', '/events'],
      [{ url: 'https://example.org/', events: ['answer.begun'] }, 'validation_failed', '/events/0'],
      [{ url: 'https://example.org/', events, secret: 'short' }, 'validation_failed', '/secret'],
    ];
    for (const [json, code, pointer] of cases) {
      const { body } = await writer.post('/api/v1/webhooks', json);
      expect([body.code, body.errors?.[0]?.pointer]).toEqual([code, pointer]);
    }
    const asked = await reader.post('/api/v1/answers', {
      question: 'Where?',
      webhook: { url: 'http://169.254.169.254/' },
    });
    expect([asked.body.code, asked.body.errors[0].pointer]).toEqual(['webhook_url_refused', '/webhook/url']);
  });
});

describe('the webhook of a request', () => {
  it('is signed with the key’s own secret, and its deliveries are found by the answer', async () => {
    const { secret } = (await reader.get('/api/v1/webhooks/signing-secret')).body;
    expect((await reader.get('/api/v1/webhooks/signing-secret')).body.secret).toBe(secret);
    expect((await other.get('/api/v1/webhooks/signing-secret')).body.secret).not.toBe(secret);
    const question = 'Where does the tower stand?';
    const answer = await ask(reader, { question, webhook: { url: receiver.url('/requested') } });
    expect(JSON.stringify(answer)).not.toContain('/requested');
    const [got] = (await receiver.receives('/requested', 1)) as [Received];
    expect(verify(got, secret)).toMatchObject({ type: 'answer.completed', data: { id: answer.id } });
    const path = `/api/v1/answers/${answer.id}/webhook-deliveries`;
    const delivered = await waitFor('it is written down', async () => {
      const { body } = await reader.get(`${path}?status=delivered`);
      return body.items[0];
    });
    expect(delivered).toMatchObject({ webhook_id: null, url: receiver.url('/requested') });
    expect((await reader.get(delivered.links.self)).body.payload).toBe(got.body);
    for (const theirs of [path, delivered.links.self]) expect((await other.get(theirs)).status).toBe(404);
  });

  it('can bring a secret of its own, and be told of some ends alone', async () => {
    const secret = `whsec_${Buffer.from('a secret of thirty-two bytes ok!').toString('base64')}`;
    const webhook = { url: receiver.url('/own'), secret };
    const question = 'Where does the tower stand?';
    await ask(reader, { question, webhook: { ...webhook, events: ['answer.failed'] } });
    const wanted = await ask(reader, { question, webhook });
    const [got] = (await receiver.receives('/own', 1)) as [Received];
    expect(verify(got, secret)).toMatchObject({ data: { id: wanted.id } });
    const rows = await service.sql.query<Json>('select request from answers where id = $1', [wanted.id]);
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  it('is signed with both secrets of a key whose secret is rotated', async () => {
    const before = (await other.get('/api/v1/webhooks/signing-secret')).body.secret;
    const after = (await other.post('/api/v1/webhooks/signing-secret/rotate', {})).body.secret;
    const question = 'Where does the tower stand?';
    await ask(other, { question, webhook: { url: receiver.url('/both') } });
    const [got] = (await receiver.receives('/both', 1)) as [Received];
    for (const secret of [before, after]) verify(got, secret);
  });
});
