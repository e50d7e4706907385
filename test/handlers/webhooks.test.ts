import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimAnswer, endAnswer, insertAnswer, sweepAnswers } from '../../src/db/answers.ts';
import { endAllLeases } from '../../src/db/lost.ts';
import { findDelivery, listDeliveries, redeliver, sweepDeliveries } from '../../src/db/webhook-deliveries.ts';
import { claimDelivery } from '../../src/db/webhook-work.ts';
import { changeWebhook, findWebhook, insertWebhook, signingSecret } from '../../src/db/webhooks.ts';
import { type WebhookEvent, webhookEvents } from '../../src/webhooks/events.ts';
import { createSealer } from '../../src/webhooks/sealer.ts';
import { generateSigningSecret } from '../../src/webhooks/signing.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { openReceiver, type Received, verify, type WebhookReceiver } from '../support/webhook-receiver.ts';

const secretKey = 'the-secret-key-of-the-webhook-tests';
const { seal } = createSealer(secretKey);
/** The key of the environment: it needs no row. */
const nil = '00000000-0000-0000-0000-000000000000';

let bench: HandlerBench;
let context: Context;
let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await openReceiver();
  bench = await openBench({
    SECRET_KEY: secretKey,
    WEBHOOK_PRIVATE_ADDRESSES: 'allow',
    WEBHOOK_DISABLE_DAYS: '3',
  });
  context = bench.context;
});
afterAll(async () => {
  await bench?.close();
  await receiver?.close();
});

async function register(path: string, events: readonly WebhookEvent[] = webhookEvents, allKeys = false) {
  const secret = generateSigningSecret();
  const row = await insertWebhook(
    context.db,
    {
      apiKeyId: nil,
      ...{ allKeys, url: receiver.url(path), description: null, events, secret: seal(secret) },
    },
    1000,
  );
  return { id: row?.id as string, secret };
}

async function askFor(request: Record<string, unknown> = {}, apiKeyId: string | null = nil): Promise<string> {
  const id = randomUUID();
  const ids = { id, apiKeyId, requestId: 'r', traceparent: null };
  await insertAnswer(context.db, {
    ...{ ...ids, question: 'Where?', request: { mode: 'answer', flags: {}, ...request } },
    ...{ deadlineMs: 60_000, keepHours: 1 },
  });
  return id;
}

const deliveriesTo = async (webhookId: string) =>
  (await listDeliveries(context.db, { owner: null, webhookId, limit: 100 })).items;
const about = async (subjectId: string) =>
  (await listDeliveries(context.db, { owner: null, subjectId, limit: 100 })).items;
const deliver = (deliveryId: string) => handlers.deliverWebhook.run({ deliveryId }, context);
const makeDue = (id: string) =>
  context.db('webhook_deliveries').where({ id }).update({ next_attempt_at: context.db.fn.now() });
const lastOf = (list: Received[]) => list.at(-1) as Received;

describe('a delivery', () => {
  it('is written by whoever ends an answer, once, and for what it ends as', async () => {
    const { id } = await register('/ends');
    const ended: [string, (id: string) => Promise<unknown>][] = [
      ['answer.cancelled', (answer) => endAnswer(context.db, answer, 'cancelled', null)],
      ['answer.failed', (answer) => endAnswer(context.db, answer, 'failed', null)],
      [
        'answer.expired',
        async (answer) => {
          await context
            .db('answers')
            .where({ id: answer })
            .update({ deadline_at: new Date(0) });
          await sweepAnswers(context.db);
        },
      ],
      [
        'answer.expired',
        async (answer) => {
          await context
            .db('answers')
            .where({ id: answer })
            .update({ deadline_at: new Date(0) });
          await claimAnswer(context.db, answer);
        },
      ],
    ];
    for (const [type, end] of ended) {
      const answer = await askFor();
      await end(answer);
      await end(answer);
      const [delivery, ...more] = (await deliveriesTo(id)).filter(({ subject_id }) => subject_id === answer);
      expect([delivery?.type, delivery?.status, more]).toEqual([type, 'pending', []]);
    }
    await changeWebhook(context.db, id, { enabled: false });
  });

  it('is taken back with the transaction that would have ended the thing', async () => {
    const { id } = await register('/taken-back');
    const answer = await askFor();
    await expect(
      context.db.transaction(async (trx) => {
        await endAnswer(trx, answer, 'failed', null);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect(await deliveriesTo(id)).toEqual([]);
    await changeWebhook(context.db, id, { enabled: false });
  });

  it('goes to webhooks of its key and to those for all keys, of good keys, for events that they want', async () => {
    const [own, all, others] = [
      await register('/own', ['answer.cancelled']),
      await register('/all', ['answer.cancelled'], true),
      await register('/others', ['answer.failed']),
    ];
    const revoked = await register('/revoked', ['answer.cancelled'], true);
    await context.db('webhooks').where({ id: revoked.id }).update({ api_key_id: randomUUID() });
    for (const key of [nil, randomUUID()])
      await endAnswer(context.db, await askFor({}, key), 'cancelled', null);
    const counts = await Promise.all(
      [own, all, others, revoked].map(async ({ id }) => (await deliveriesTo(id)).length),
    );
    expect(counts).toEqual([1, 2, 0, 0]);
    for (const { id } of [own, all, others]) await changeWebhook(context.db, id, { enabled: false });
  });

  it('of a request goes where the request said, signed with its secret or that of its key', async () => {
    const [given, ofKey] = [generateSigningSecret(), generateSigningSecret()];
    await signingSecret(context.db, nil, () => seal(ofKey));
    const hook = (path: string, secret: string | null, events: string[]) => ({
      webhook: { url: receiver.url(path), events, secret: secret && seal(secret).toString('base64') },
    });
    const cases = [
      { path: '/with-own', secret: given, kept: given },
      { path: '/with-keys', secret: ofKey, kept: null },
    ];
    for (const { kept, path, secret } of cases) {
      const answer = await askFor(hook(path, kept, ['answer.cancelled']));
      await endAnswer(context.db, answer, 'cancelled', null);
      const [delivery] = await about(answer);
      await deliver(delivery?.id as string);
      expect(verify(lastOf(receiver.received(path)), secret)).toMatchObject({
        type: 'answer.cancelled',
        data: { id: answer, status: 'cancelled', links: { self: `/api/v1/answers/${answer}` } },
      });
    }
    const unwanted = await askFor(hook('/unwanted', given, ['answer.completed']));
    await endAnswer(context.db, unwanted, 'cancelled', null);
    expect(await about(unwanted)).toEqual([]);
  });
});

describe('deliverWebhook', () => {
  /** A delivery to a path of its own. */
  async function pending(path: string) {
    const webhook = await register(path, ['answer.cancelled']);
    const answer = await askFor();
    await endAnswer(context.db, answer, 'cancelled', null);
    const [delivery] = await deliveriesTo(webhook.id);
    await changeOthers(webhook.id);
    return { webhook, id: delivery?.id as string };
  }
  /** Others do not hear of what comes next. */
  const changeOthers = (but: string) =>
    context.db('webhooks').whereNot({ id: but }).update({ disabled_at: context.db.fn.now() });
  const shown = (id: string) => findDelivery(context.db, null, id);

  it('tries again what failed, with the same id and a fresh signature, and writes each try down', async () => {
    const { id, webhook } = await pending('/fails-twice');
    receiver.answers('/fails-twice', (response, nth) => {
      response.writeHead(nth < 3 ? 500 : 200).end(nth < 3 ? 'out of order' : 'ok');
    });
    await deliver(id);
    expect(await shown(id)).toMatchObject({
      status: 'pending',
      attempts: 1,
      last_status: 500,
      last_error: 'The receiver answers 500.',
    });
    // It is not due yet: a delivery that comes too early is dropped.
    await deliver(id);
    expect(receiver.received('/fails-twice')).toHaveLength(1);
    expect((await findWebhook(context.db, null, webhook.id))?.failures_in_row).toBe(1);
    for (let n = 0; n < 2; n++) {
      await makeDue(id);
      await deliver(id);
    }
    const delivered = await shown(id);
    expect(delivered).toMatchObject({
      status: 'delivered',
      attempts: 3,
      last_status: 200,
      next_attempt_at: null,
    });
    expect(delivered?.log.map(({ n, reply, status }) => [n, status, reply])).toEqual([
      [3, 200, 'ok'],
      [2, 500, 'out of order'],
      [1, 500, 'out of order'],
    ]);
    const got = receiver.received('/fails-twice');
    expect(new Set(got.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([id]));
    expect(new Set(got.map(({ body }) => body)).size).toBe(1);
    for (const one of got) verify(one, webhook.secret);
    expect(await findWebhook(context.db, null, webhook.id)).toMatchObject({
      failures_in_row: 0,
      failing_since: null,
    });
  });

  it('sends again, with the same id, what a killed worker had sent and not written down', async () => {
    const { id } = await pending('/killed');
    const claimed = await claimDelivery(context.db, id);
    await context.webhooks?.(claimed as never, context.signal);
    // Another worker leaves it alone until the lease has ended.
    await deliver(id);
    expect(receiver.received('/killed')).toHaveLength(1);
    await endAllLeases(context.db);
    await handlers.nudgeWebhooks.run({}, context);
    expect(await bench.waiting('deliverWebhook')).toContainEqual({ deliveryId: id });
    await deliver(id);
    const got = receiver.received('/killed');
    expect(got.map(({ headers }) => headers['webhook-id'])).toEqual([id, id]);
    const { attempts, log, status } = (await shown(id)) as NonNullable<Awaited<ReturnType<typeof shown>>>;
    expect([status, attempts]).toEqual(['delivered', 2]);
    expect(log[1]).toMatchObject({
      n: 1,
      status: null,
      error: expect.stringContaining('before it could say'),
    });
  });

  it('is done once, however many deliveries of its job there are', async () => {
    const { id } = await pending('/once');
    await Promise.all([deliver(id), deliver(id), deliver(id)]);
    await deliver(id);
    expect(receiver.received('/once')).toHaveLength(1);
  });

  it('takes 410 for the wish to hear no more, and can be asked to go on', async () => {
    const { id, webhook } = await pending('/gone');
    const second = await askFor();
    await endAnswer(context.db, second, 'cancelled', null);
    receiver.answers('/gone', (response) => void response.writeHead(410).end());
    await deliver(id);
    expect(await shown(id)).toMatchObject({ status: 'failed', attempts: 1 });
    expect(await findWebhook(context.db, null, webhook.id)).toMatchObject({
      disabled_reason: 'The receiver answered 410: it wants no more.',
    });
    expect((await about(second))[0]).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect(await redeliver(context.db, id)).toBe(false);
    await endAnswer(context.db, await askFor(), 'cancelled', null);
    expect(await deliveriesTo(webhook.id)).toHaveLength(2);
    receiver.answers('/gone', (response) => void response.writeHead(200).end());
    await changeWebhook(context.db, webhook.id, { enabled: true });
    expect(await redeliver(context.db, id)).toBe(true);
    await deliver(id);
    expect(await shown(id)).toMatchObject({ status: 'delivered', attempts: 2 });
  });

  it('gives up a delivery after a day, and a webhook after days of nothing but failures', async () => {
    const { id, webhook } = await pending('/dead');
    receiver.answers('/dead', (response) => void response.writeHead(503).end());
    for (let n = 0; n < 9; n++) {
      await makeDue(id);
      await deliver(id);
    }
    expect(await shown(id)).toMatchObject({ status: 'failed', attempts: 9 });
    expect((await findWebhook(context.db, null, webhook.id))?.disabled_at).toBeNull();
    await context
      .db('webhooks')
      .where({ id: webhook.id })
      .update({ failing_since: context.db.raw(`now() - interval '4 days'`) });
    await redeliver(context.db, id);
    await deliver(id);
    expect(await findWebhook(context.db, null, webhook.id)).toMatchObject({
      disabled_reason: expect.stringMatching(/^10 tries in a row failed since /),
    });
    expect((await shown(id))?.status).toBe('cancelled');
  });

  it('nudges few of a receiver that fails, all of one that does not, and none twice', async () => {
    const fine = await register('/many', ['answer.cancelled']);
    const failing = await register('/many-failing', ['answer.cancelled']);
    await context.db('webhooks').where({ id: failing.id }).update({ failures_in_row: 5 });
    for (let n = 0; n < 5; n++) await endAnswer(context.db, await askFor(), 'cancelled', null);
    const nudged = async () => {
      await handlers.nudgeWebhooks.run({}, context);
      const ids = ((await bench.waiting('deliverWebhook')) as { deliveryId: string }[]).map(
        (job) => job.deliveryId,
      );
      const of = async (webhookId: string) =>
        (await deliveriesTo(webhookId)).filter(({ id }) => ids.includes(id)).length;
      return [await of(fine.id), await of(failing.id), new Set(ids).size === ids.length];
    };
    expect(await nudged()).toEqual([5, 2, true]);
    expect(await nudged()).toEqual([5, 2, true]);
  });

  it('forgets what ended long ago, and nothing else', async () => {
    const before = await context.db('webhook_deliveries').count({ n: '*' }).first();
    const [one] = await context.db('webhook_deliveries').where({ status: 'delivered' }).select('id');
    await context
      .db('webhook_deliveries')
      .where({ id: one.id })
      .update({ completed_at: new Date(0) });
    expect(await sweepDeliveries(context.db, 30)).toBe(1);
    const after = await context.db('webhook_deliveries').count({ n: '*' }).first();
    expect(Number(after?.n)).toBe(Number(before?.n) - 1);
  });
});
