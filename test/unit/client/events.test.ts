import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../../src/client/client.ts';
import { ApiError, WaitTimeout } from '../../../src/client/http.ts';
import { readEvents } from '../../../src/client/read-events.ts';
import { openWebSite, type Pages, type WebSite } from '../../support/web-site.ts';

let site: WebSite | undefined;
afterEach(async () => {
  await site?.close();
  site = undefined;
});

const id = '00000000-0000-4000-8000-000000000001';
const self = `/api/v1/answers/${id}`;
const links = { self, cancel: `${self}/cancel` };
const accepted = { id, status: 'queued', is_terminal: false, poll_after_ms: 50, links };

const json = (body: unknown, status = 200, headers = {}): Pages[string] => {
  return (_request, response) =>
    void response
      .writeHead(status, { 'Content-Type': 'application/json', ...headers })
      .end(JSON.stringify(body));
};
const wire = (n: number, event: string, data: unknown) =>
  `id: ${n}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
const all = [
  wire(1, 'step', { name: 'retrieve', ms: 3, outcome: 'ok' }),
  wire(2, 'delta', { text: '탑은 🗼 ' }),
  wire(3, 'restart', { reason: 'timeout' }),
  wire(4, 'delta', { text: 'Paris.' }),
  wire(5, 'source', { n: 1 }),
  wire(6, 'completed', { id, status: 'completed' }),
];

/** A service that speaks as the answers' events do. `cut(n)`: how many bytes of the n-th connection come before it breaks; null: all. */
async function serve(cut: (n: number) => number | null, more: Pages = {}) {
  const asked: (string | undefined)[] = [];
  site = await openWebSite({
    '/api/v1/answers': json(accepted, 202),
    [`${self}/events`]: (request, response) => {
      const last = request.headers['last-event-id'] as string | undefined;
      asked.push(last);
      const rest = Buffer.from(`retry: 5\n\n: still here\n\n${all.slice(Number(last ?? 0)).join('')}`);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const bytes = cut(asked.length);
      if (bytes === null) response.end(rest);
      else response.write(rest.subarray(0, bytes), () => response.destroy());
    },
    ...more,
  });
  return { asked, client: createClient({ baseUrl: site.url, apiKey: 'k' }) };
}

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const event of events) got.push(event);
  return got;
}

describe('events', () => {
  it('come in order to the terminal one', async () => {
    const { asked, client } = await serve(() => null);
    const got = await collect(client.ask('Where?').events());
    expect(got.map(({ id, type }) => `${id} ${type}`)).toEqual([
      '1 step',
      '2 delta',
      '3 restart',
      '4 delta',
      '5 source',
      '6 completed',
    ]);
    expect(got[1]?.data).toEqual({ text: '탑은 🗼 ' });
    expect(asked).toEqual([undefined]);
  });

  it('come each once, wherever the connection is cut, characters and events in two', async () => {
    const whole = Buffer.byteLength(`retry: 5\n\n: still here\n\n${all.join('')}`);
    // Every place of the first connection would take long; this step meets all kinds of places.
    for (let bytes = 12; bytes < whole; bytes += 17) {
      const { asked, client } = await serve((n) => (n === 1 ? bytes : null));
      const got = await collect(client.ask('Where?').events());
      expect([bytes, got.map(({ id }) => id).join('')]).toEqual([bytes, '123456']);
      expect(asked).toHaveLength(2);
      await site?.close();
      site = undefined;
    }
  });

  it('begin after the one that the caller has, and end with 204 where that is the last', async () => {
    const { client } = await serve(() => null);
    expect((await collect(client.answer(id).events({ after: '4' })).catch(() => [])).length).toBe(0);
    await site?.close();
    const second = await serve(() => null, { [self]: json(accepted) });
    const got = await collect(second.client.answer(id).events({ after: '4' }));
    expect(got.map((event) => event.id)).toEqual(['5', '6']);
    await site?.close();
    const third = await serve(() => null, {
      [self]: json(accepted),
      [`${self}/events`]: (_request, response) => void response.writeHead(204).end(),
    });
    expect(await collect(third.client.answer(id).events({ after: '6' }))).toEqual([]);
  });

  it('are given up where the answer is gone', async () => {
    const gone = json({ code: 'not_found', detail: 'Gone.', retryable: false }, 410);
    const { client } = await serve(() => null, { [`${self}/events`]: gone });
    await expect(collect(client.ask('Where?').events())).rejects.toMatchObject({ status: 410 });
  });

  it('stop when the caller stops, by leaving the loop or by its signal', async () => {
    const { client } = await serve(() => null);
    for await (const event of client.ask('Where?').events()) {
      expect(event.id).toBe('1');
      break;
    }
    await site?.close();
    const stop = new AbortController();
    const silent = await serve(() => null, {
      [`${self}/events`]: (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': still here\n\n');
        stop.abort(new Error('enough'));
      },
    });
    await expect(collect(silent.client.ask('Where?').events({ signal: stop.signal }))).rejects.toThrow(
      'enough',
    );
  });

  it('are parsed whatever their line ends are, and however they are cut', async () => {
    const text = ': hi\r\nid: 7\r\nevent: delta\r\ndata: a\r\ndata: b\r\n\r\nid:8\rdata:c\r\rdata: cut off';
    for (const size of [1, 2, 3, 1000]) {
      const bytes = new TextEncoder().encode(text);
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
          controller.close();
        },
      });
      expect(await collect(readEvents(body, 1000).events)).toEqual([
        { id: '7', event: 'delta', data: 'a\nb' },
        { id: '8', event: 'message', data: 'c' },
      ]);
    }
  });
});

describe('wait', () => {
  const done = { ...accepted, status: 'completed', is_terminal: true, poll_after_ms: null };
  /** The answer as each look finds it. */
  const looks = (replies: Pages[string][]): Pages => {
    let n = 0;
    return { [self]: (request, response) => replies[Math.min(n++, replies.length - 1)]?.(request, response) };
  };

  it('looks until it has ended, over what may pass', async () => {
    const busy = json({ code: 'rate_limited', detail: 'Busy.', retryable: true }, 429, {
      'Retry-After': '0',
    });
    const cut: Pages[string] = (_request, response) => void response.destroy();
    const { client } = await serve(() => null, looks([json(accepted), busy, cut, json(done)]));
    expect((await client.ask('Where?').wait()).status).toBe('completed');
  });

  it('never waits beyond its time, nor asks for ever', async () => {
    const { client } = await serve(() => null, looks([json(accepted)]));
    await expect(client.ask('Where?').wait({ timeoutMs: 300 })).rejects.toThrow(WaitTimeout);
    expect(site?.paths().length).toBeLessThan(12);
    await site?.close();
    const silent = await serve(() => null, { [self]: () => {} });
    await expect(silent.client.ask('Where?').wait({ timeoutMs: 200 })).rejects.toThrow(WaitTimeout);
  });

  it('ends with what does not pass, and with the caller’s signal', async () => {
    const missing = json({ code: 'not_found', detail: 'No such answer.', retryable: false }, 404);
    const { client } = await serve(() => null, looks([missing]));
    await expect(client.ask('Where?').wait()).rejects.toMatchObject({ code: 'not_found', retryable: false });
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(client.ask('Where?').wait({ signal: stop.signal })).rejects.toThrow('enough');
  });

  it('sends a question again under the same key when its reply was lost', async () => {
    const keys: unknown[] = [];
    const lost: Pages[string] = (request, response) => {
      keys.push(request.headers['idempotency-key']);
      if (keys.length === 1) response.destroy();
      else json(done, 202)?.(request, response);
    };
    const { client } = await serve(() => null, { '/api/v1/answers': lost });
    expect((await client.ask('Where?').wait()).id).toBe(id);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  it('says what was refused and why', async () => {
    const problem = { code: 'validation_failed', detail: '/q: too long', retryable: false, request_id: 'r1' };
    const errors = [{ pointer: '/q', message: 'too long' }];
    const { client } = await serve(() => null, { '/api/v1/answers': json({ ...problem, errors }, 422) });
    const error = await client.ask('Where?').accepted.catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 422, code: 'validation_failed', errors, requestId: 'r1' });
  });
});
