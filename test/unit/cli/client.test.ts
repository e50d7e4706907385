import { afterEach, expect, it } from 'vitest';
import { send } from '../../../cli/client.ts';
import { openWebSite, type Pages, type WebSite } from '../../support/web-site.ts';

let site: WebSite | undefined;
afterEach(() => site?.close());

/** A service that goes through these replies in turn: a status with headers, or a connection cut off. */
async function answering(...replies: ([number, Record<string, string>?, object?] | 'cut')[]) {
  let turn = 0;
  const pages: Pages = {
    '/x': (request, response) => {
      const reply = replies[Math.min(turn++, replies.length - 1)] as (typeof replies)[number];
      request.resume();
      if (reply === 'cut') response.destroy();
      else {
        const [status, headers, body = { code: 'a_code', detail: 'A sentence.' }] = reply;
        response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
        response.end(JSON.stringify(body));
      }
    },
  };
  site = await openWebSite(pages);
  const stop = new AbortController();
  return { service: { url: site.url, key: 'k', signal: stop.signal }, stop, site };
}
const post = { body: 'x', headers: { 'Idempotency-Key': 'one' } };

it('asks again what may pass, with the same key, and gives the reply', async () => {
  const soon = { 'Retry-After': '0' };
  const { service, site } = await answering('cut', [429, soon], [503, soon], [502], [202, {}, { id: 1 }]);
  expect(await send(service, 'POST', '/x', post)).toEqual({ status: 202, body: { id: 1 } });
  expect(site.seen.map(({ headers }) => headers['idempotency-key'])).toEqual(Array(5).fill('one'));
  expect(site.seen.every(({ headers }) => headers['x-api-key'] === 'k')).toBe(true);
});

it('waits for a first request that still runs', async () => {
  const busy = { code: 'idempotency_in_progress', detail: 'It runs.' };
  const { service } = await answering([409, { 'Retry-After': '0' }, busy], [200, {}, { id: 1 }]);
  expect((await send(service, 'POST', '/x', post)).status).toBe(200);
});

it.each([
  [422, 'a_code', false],
  [409, 'a_code', false],
  [401, 'a_code', true],
  [403, 'a_code', true],
])('gives up at once at %i', async (status, code, final) => {
  const { service, site } = await answering([status]);
  await expect(send(service, 'POST', '/x', post)).rejects.toMatchObject({
    code,
    final,
    message: 'A sentence.',
  });
  expect(site.seen).toHaveLength(1);
});

it('does not wait for a limit that is too far off', async () => {
  const { service, site } = await answering([429, { 'Retry-After': '3000' }]);
  await expect(send(service, 'POST', '/x', post)).rejects.toMatchObject({ code: 'a_code' });
  expect(site.seen).toHaveLength(1);
});

it('ends when it is told to, also while it waits', async () => {
  const { service, stop, site } = await answering([503, { 'Retry-After': '600' }]);
  const reply = send(service, 'POST', '/x', post);
  reply.catch(() => {});
  while (site.seen.length === 0) await new Promise(setImmediate);
  stop.abort(new Error('stopped'));
  await expect(reply).rejects.toThrow();
});
