import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSealer } from '../../../src/webhooks/sealer.ts';
import { generateSigningSecret } from '../../../src/webhooks/signing.ts';
import { createWebhookSender, type SenderOptions } from '../../../workers/webhook/send-webhook.ts';
import { openReceiver, verify, type WebhookReceiver } from '../../support/webhook-receiver.ts';

const { seal, unseal } = createSealer('the key of a test');
const secret = generateSigningSecret();

let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await openReceiver();
});
afterAll(() => receiver.close());

const send = (url: string, options: Partial<SenderOptions> = {}, signal = new AbortController().signal) =>
  createWebhookSender({
    unseal,
    reach: 'private-too',
    userAgent: 'DT-RAG/test',
    timeoutMs: 5000,
    ...options,
  })(
    { id: 'b1', url, payload: '{"type":"answer.completed","data":"가 🙂"}', secrets: [seal(secret)] },
    signal,
  );

it('sends what verifies, and says how it was answered', async () => {
  receiver.answers('/fine', (response) => void response.writeHead(200).end('thanks'));
  expect(await send(receiver.url('/fine'))).toMatchObject({ status: 200, error: null, reply: 'thanks' });
  const [got] = receiver.received('/fine');
  expect(got && verify(got, secret)).toEqual({ type: 'answer.completed', data: '가 🙂' });
  expect(got?.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'webhook-id': 'b1',
  });
});

it('follows no redirect', async () => {
  receiver.answers('/moved', (response) => void response.writeHead(307, { Location: '/fine-too' }).end());
  expect(await send(receiver.url('/moved'))).toMatchObject({
    status: 307,
    error: expect.stringContaining('redirects are not followed'),
  });
  expect(receiver.received('/fine-too')).toEqual([]);
});

it('waits no longer than it may, for an answer and for its end', async () => {
  receiver.answers('/silent', () => {});
  receiver.answers('/slow', (response) => void response.writeHead(200).write('x'));
  for (const path of ['/silent', '/slow'])
    expect(await send(receiver.url(path), { timeoutMs: 200 })).toMatchObject({
      status: null,
      error: 'The receiver did not answer within 0.2 s.',
    });
});

it('reads a thousand bytes of a reply that never ends, and keeps text that can be stored', async () => {
  receiver.answers('/endless', (response) => {
    response.writeHead(500);
    const more = () => {
      while (!response.destroyed && response.write('x\0'.repeat(5000)));
    };
    response.on('drain', more);
    more();
  });
  const { reply, status } = await send(receiver.url('/endless'));
  expect([status, reply]).toEqual([500, 'x'.repeat(500)]);
});

it('connects to nothing private, whatever name leads there', async () => {
  const before = receiver.received('/fine').length;
  for (const addresses of [['127.0.0.1'], ['93.184.216.34', '10.0.0.1'], ['::1'], ['169.254.169.254']])
    expect(
      await send('https://hooks.example.org/fine', {
        reach: 'public',
        resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      }),
    ).toMatchObject({ status: null, error: expect.stringContaining('not on the public internet') });
  expect(await send(receiver.url('/fine'), { reach: 'public' })).toMatchObject({ status: null });
  expect(receiver.received('/fine')).toHaveLength(before);
});

it('sends nothing that it can not sign', async () => {
  const { unseal: other } = createSealer('another key');
  expect(await send(receiver.url('/unsigned'), { unseal: other })).toMatchObject({
    status: null,
    error: 'A webhook secret was sealed under another SECRET_KEY: rotate it.',
  });
  expect(receiver.received('/unsigned')).toEqual([]);
});

it('says what went wrong with a connection, and stops with its process', async () => {
  expect(await send('http://127.0.0.1:1/')).toMatchObject({
    status: null,
    error: expect.stringContaining('ECONN'),
  });
  const stop = new AbortController();
  receiver.answers('/stopped', () => stop.abort(new Error('the process stops')));
  await expect(send(receiver.url('/stopped'), {}, stop.signal)).rejects.toThrow('the process stops');
});

it('reads Retry-After in seconds and as a date', async () => {
  receiver.answers('/busy', (response) => void response.writeHead(429, { 'Retry-After': '120' }).end());
  receiver.answers('/later', (response) => {
    response.writeHead(503, { 'Retry-After': new Date(Date.now() + 60_000).toUTCString() }).end();
  });
  receiver.answers('/never', (response) => void response.writeHead(503, { 'Retry-After': 'soon' }).end());
  expect((await send(receiver.url('/busy'))).retryAfter).toBe(120);
  const later = (await send(receiver.url('/later'))).retryAfter as number;
  expect(later > 50 && later <= 60).toBe(true);
  expect((await send(receiver.url('/never'))).retryAfter).toBeNull();
});
