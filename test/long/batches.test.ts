import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import {
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
let key: string;
beforeAll(async () => {
  standIn = await startGeminiStandIn();
  service = await startService({
    ...{
      EMBEDDING_PROVIDER: 'gemini',
      GEMINI_API_KEY: 'a-key-of-the-stand-in',
      GEMINI_BASE_URL: standIn.url,
    },
  });
  ({ client, key } = await createKey(service, { scope: 'write' }));
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});

const batches = '/api/v1/ingestion-batches';
const ndjson = { 'Content-Type': 'application/x-ndjson' };
const line = (document: Record<string, unknown>) => `${JSON.stringify(document)}\n`;
const send = (raw: string | ReadableStream<Uint8Array>, headers = {}, query = '') =>
  client.call('POST', `${batches}${query}`, {
    raw: raw as string,
    headers: { ...ndjson, ...headers },
  });
const itemsOf = async (batch: Json, status = ''): Promise<Json[]> => {
  const items: Json[] = [];
  for (let cursor: string | null = '0'; cursor !== null; ) {
    const page: Json = (await client.get(`${batch.links.items}?limit=200&cursor=${cursor}${status}`)).body;
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return items;
};
const expectSum = ({ counts: { total, ...others } }: Json) =>
  expect(Object.values<number>(others).reduce((sum, n) => sum + n, 0)).toBe(total);

/** A request whose body is written piece by piece and may break off. */
function openStream(path: string, headers: Record<string, string> = {}) {
  const outgoing = request(new URL(path, service.url), {
    method: 'POST',
    headers: { ...ndjson, 'X-API-Key': key, ...headers },
  });
  outgoing.on('error', () => undefined);
  return outgoing;
}

describe('a batch as lines', () => {
  it('takes every line by itself, and says of the bad ones where and why', async () => {
    const good = Array.from({ length: 120 }, (_, n) =>
      line({ text: `Line ${n}.`, external_id: `line-${n}` }),
    );
    good[100] = '{"text": "cut\n';
    good[101] = line({ text: 'Unknown field.', external_id: 'odd', colour: 'red' });
    good[102] = line({ text: 'x'.repeat(1_100_000) });
    good[103] = `\r\n  \n${line({ text: 'A newer line 5.', external_id: 'line-5', priority: 9 })}`;
    const reply = await send(good.join('').trimEnd(), {}, '?priority=3&metadata={"shelf":7}');
    expect(reply.status, reply.text).toBe(202);
    expect(reply.headers.get('location')).toBe(reply.body.links.self);
    expect(reply.body.counts.total).toBe(120);
    const look = async () => {
      const { body } = await client.get(reply.body.links.self);
      expectSum(body);
      return body.is_terminal && body;
    };
    const batch = await waitFor('the batch has ended', look, { withinMs: 200_000 });
    expect(batch).toMatchObject({
      ...{ status: 'completed', receiving: false, error: null, eta_seconds: 0, waiting: null, progress: 1 },
      counts: { total: 120, completed: 116, failed: 3, cancelled: 1 },
    });
    const items = await itemsOf(batch);
    expect(items.map(({ n }) => n)).toEqual(items.map((_, n) => n));
    expect(items[100]).toMatchObject({
      status: 'failed',
      stage: 'validation',
      error: { code: 'malformed_json' },
    });
    expect(items[101]).toMatchObject({
      ...{ status: 'failed', external_id: 'odd', document_id: null, attempts: 0 },
      error: { code: 'validation_failed', retryable: false, errors: [{ pointer: '/colour' }] },
    });
    expect(items[102]).toMatchObject({ status: 'failed', error: { code: 'payload_too_large' } });
    expect(items[5]).toMatchObject({ status: 'cancelled', version: 1, error: { code: 'superseded' } });
    expect(items[103]).toMatchObject({
      status: 'completed',
      version: 2,
      stage: null,
      attempts: 1,
      error: null,
    });
    expect(items[103].document_id).toBe(items[5].document_id);
    const { body: document } = await client.get(`/api/v1/documents/${items[0].document_id}`);
    expect(document.metadata).toEqual({ shelf: 7 });
    expect((await itemsOf(batch, '&status=failed')).map(({ n }) => n)).toEqual([100, 101, 102]);
    const unchanged = await send(line({ text: 'Line 0.', external_id: 'line-0', metadata: { shelf: 7 } }));
    expect(unchanged.body).toMatchObject({ status: 'completed', counts: { total: 1, unchanged: 1 } });
  });

  it('is worked on while it still comes, and shows up in the list', async () => {
    const outgoing = openStream(`${batches}?author=Stream`);
    outgoing.write(line({ text: 'The first line of a slow stream.' }));
    const batch = await waitFor('its first line is done', async () => {
      const { body } = await client.get(`${batches}?limit=1`);
      const [newest] = body.items;
      return newest?.receiving && newest.counts.completed === 1 && newest;
    });
    expectSum(batch);
    expect(batch).toMatchObject({
      ...{ status: 'in_progress', is_terminal: false, completed_at: null },
      ...{ counts: { total: 1 }, waiting: 'The next lines are still to come.' },
    });
    outgoing.end(line({ text: 'The second.' }));
    const last = await ended(client, batch.links.self);
    expect(last).toMatchObject({ receiving: false, error: null, counts: { total: 2, completed: 2 } });
  });

  it('keeps what came of a stream that broke off, and adds the rest to it at the second try', async () => {
    const lines = Array.from({ length: 130 }, (_, n) =>
      line({ text: `Part ${n}.`, external_id: `part-${n}` }),
    );
    const headers = { 'Idempotency-Key': 'broken-stream' };
    const outgoing = openStream(batches, headers);
    outgoing.write(lines.slice(0, 110).join(''));
    outgoing.write('{"text": "half a li');
    const held = await waitFor('some lines are in', async () => {
      const [newest] = (await client.get(`${batches}?limit=1`)).body.items;
      return newest?.receiving && newest.counts.total === 110 && newest;
    });
    const meanwhile = await send('{}', headers);
    expect(meanwhile).toMatchObject({ status: 409, body: { code: 'idempotency_in_progress' } });
    outgoing.destroy();
    const cut = await ended(client, held.links.self);
    expect(cut).toMatchObject({
      ...{ status: 'completed', receiving: false, counts: { total: 110, completed: 110 } },
      error: { code: 'upload_cut_off' },
    });
    expect(cut.error.detail).toContain('110');

    const other = await send(lines.toReversed().join(''), headers);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    expect((await client.get(held.links.self)).body.error.code).toBe('upload_cut_off');
    const again = await send(lines.join(''), headers);
    expect([again.status, again.body.id]).toEqual([202, held.id]);
    const whole = await ended(client, held.links.self);
    expect(whole).toMatchObject({ error: null, counts: { total: 130, completed: 130 } });
    const names = (await itemsOf(whole)).map(({ external_id }) => external_id);
    expect(names).toEqual(lines.map((_, n) => `part-${n}`));

    const replayed = await send(lines.join(''), headers);
    expect([replayed.headers.get('idempotency-replayed'), replayed.body]).toEqual(['true', again.body]);
    const longer = await send(`${lines.join('')}{}`, headers);
    expect(longer).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
  });

  it('without a line is none', async () => {
    const before = await service.sql.query('select 1 from ingestion_batches');
    for (const body of ['', '\n \r\n']) {
      const reply = await send(body);
      expect([reply.status, reply.body.code]).toEqual([422, 'validation_failed']);
    }
    expect(await service.sql.query('select 1 from ingestion_batches')).toHaveLength(before.length);
    const { status, body } = await send(line({ text: 'Fine.' }), {}, '?priority=11');
    expect([status, body.errors[0].pointer]).toEqual([422, '/query/priority']);
  });

  it('stops being received when it is cancelled', async () => {
    const outgoing = openStream(batches);
    const answered = new Promise<number | undefined>((resolve) =>
      outgoing.once('response', (response) => resolve(response.resume().statusCode)),
    );
    outgoing.write(line({ text: 'To be cancelled.' }));
    const batch = await waitFor('it is being received', async () => {
      const [newest] = (await client.get(`${batches}?limit=1`)).body.items;
      return newest?.receiving && newest.counts.total === 1 && newest;
    });
    const cancelled = await client.post(`${batch.links.self}/cancel`);
    expect(cancelled.body).toMatchObject({ status: 'cancelled', is_terminal: true });
    outgoing.write(line({ text: 'Too late.' }));
    expect(await answered).toBe(409);
    outgoing.destroy();
    expect((await client.get(batch.links.self)).body).toMatchObject({
      status: 'cancelled',
      counts: { total: 1 },
    });
    const retried = await client.post(`${batch.links.self}/retry`);
    expect(retried, 'which stays as it is').toMatchObject({ status: 200, body: { status: 'cancelled' } });
  });
});

describe('events of a batch', () => {
  const read = async (path: string, headers = {}) => {
    const { status, text } = await client.get(path, { headers });
    const events = text.split('\n\n').flatMap((block) => {
      const fields = Object.fromEntries(block.split('\n').map((row) => row.split(/: (.*)/s).slice(0, 2)));
      return fields.event
        ? [{ id: Number(fields.id), event: fields.event, data: JSON.parse(fields.data) }]
        : [];
    });
    return { status, events };
  };

  it('tell of every change, end with the last, and go on where the caller was', async () => {
    const { body } = await send(Array.from({ length: 60 }, (_, n) => line({ text: `Event ${n}.` })).join(''));
    const { events } = await read(body.links.events);
    for (const { data } of events) expectSum(data);
    const ids = events.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(events.slice(0, -1).every(({ event }) => event === 'progress')).toBe(true);
    const last = events.at(-1);
    expect(last).toMatchObject({
      event: 'completed',
      data: { is_terminal: true, counts: { completed: 60 } },
    });
    const before = await read(`${body.links.events}?starting_after=${(last?.id ?? 0) - 1}`);
    expect(before.events).toMatchObject([{ event: 'completed' }]);
    const after = await read(body.links.events, { 'Last-Event-ID': String(last?.id) });
    expect(after).toMatchObject({ status: 204, events: [] });
  });
});

describe('a queue without room', () => {
  it('keeps a stream waiting, and then says what it holds and how to go on', async () => {
    const small = await startService({
      ...{ QUEUE_LIMIT: '150', STREAM_PATIENCE_SECONDS: '1', QUEUES: 'upkeep' },
      ...{
        EMBEDDING_PROVIDER: 'gemini',
        GEMINI_API_KEY: 'a-key-of-the-stand-in',
        GEMINI_BASE_URL: standIn.url,
      },
    });
    try {
      const lines = Array.from({ length: 250 }, (_, n) => line({ text: `Crowded ${n}.` })).join('');
      const headers = { ...ndjson, 'Idempotency-Key': 'crowded' };
      const post = () => small.admin.call('POST', batches, { raw: lines, headers });
      const full = await post();
      expect(full).toMatchObject({ status: 429, body: { code: 'queue_full', retryable: true } });
      expect(Number(full.headers.get('retry-after'))).toBeGreaterThan(0);
      const [batch] = (await small.admin.get(batches)).body.items;
      expect(batch).toMatchObject({
        ...{ receiving: false, counts: { total: 100, queued: 100 }, error: { code: 'queue_full' } },
        waiting: 'No worker takes the ingestion queue: start one.',
      });
      expect(full.body.detail).toContain(batch.id);
      const items = Array.from({ length: 51 }, () => ({ text: 'No room for so many.' }));
      expect((await small.admin.post(batches, { items })).body.code).toBe('queue_full');
      expect((await small.admin.post(batches, { items: items.slice(0, 50) })).status).toBe(202);
      expect((await small.admin.post('/api/v1/documents', { text: 'None at all.' })).status).toBe(429);
    } finally {
      await small.stop();
    }
  });
});
