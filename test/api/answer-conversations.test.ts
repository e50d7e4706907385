import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEvents } from '../support/events.ts';
import { handbook } from '../support/handbook.ts';
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

/** A model that takes every question and never answers; it knows how many callers still wait. */
async function startSilentModel() {
  let taken = 0;
  let open = 0;
  const server = createServer((_request, response) => {
    taken += 1;
    open += 1;
    response.on('close', () => {
      open -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: () => taken,
    open: () => open,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

let model: Awaited<ReturnType<typeof startSilentModel>>;
let service: TestService;
let client: Client;
let key: string;
let other: Client;
beforeAll(async () => {
  model = await startSilentModel();
  service = await startService({
    GEMINI_API_KEY: 'a-model-key',
    GEMINI_BASE_URL: model.url,
    COMPOSE_BUDGET_MS: '60000',
    WORKER_CONCURRENCY: '1',
  });
  ({ client, key } = await createKey(service, { scope: 'write' }));
  other = (await createKey(service, { scope: 'write' })).client;
  await addDocuments(service.admin, handbook);
});
afterAll(async () => {
  await service.stop();
  await model.close();
});

const answers = '/api/v1/answers';
const meals = 'What is the daily allowance for meals?';
/** Nothing is found, so no model is asked. */
const nothingFound = { filters: { canonical_in: [] } };

/** Asks a question that the model sits on. */
async function hanging(): Promise<Json> {
  const before = model.taken();
  const { body } = await client.post(answers, { question: meals, deadline_ms: 120_000 });
  await waitFor('the model has the question', () => model.taken() > before && model.open() === 1);
  return body;
}

describe('an answer that the model sits on', () => {
  it.each(['cancel', 'delete'] as const)('is let go by the model on %s', async (how) => {
    const answer = await hanging();
    const stream = await openEvents(client, answer.links.events, { 'X-API-Key': key });
    const waiting = client.get(answer.links.self, { headers: { Prefer: 'wait=60' } });
    if (how === 'cancel') expect((await client.post(answer.links.cancel)).body.status).toBe('cancelled');
    else expect((await client.delete(answer.links.self)).status).toBe(204);
    await waitFor('the model is asked no more', () => model.open() === 0);
    const { status, body } = await waiting;
    const told = await stream.rest();
    if (how === 'cancel') {
      expect([status, body.status]).toEqual([200, 'cancelled']);
      expect(told.at(-1)).toMatchObject({ event: 'cancelled', data: { id: answer.id } });
    } else expect(status).toBe(404);
    // The worker that held it is free for the next one.
    await ask(client, { question: meals, ...nothingFound });
  });

  it('is overtaken by what is more urgent', async () => {
    const blocking = await hanging();
    const post = async (priority?: number) =>
      (await client.post(answers, { question: meals, ...nothingFound, ...(priority && { priority }) })).body;
    const late = await post(10);
    const usual = await post();
    const urgent = await post(1);
    expect([late.priority, usual.priority, urgent.priority]).toEqual([10, 5, 1]);
    await client.post(blocking.links.cancel);
    for (const { links } of [late, usual, urgent]) await ended(client, links.self);
    const order = await service.sql.query<{ priority: number }>(
      'select priority from answers where id = any($1) order by started_at',
      [[late.id, usual.id, urgent.id]],
    );
    expect(order.map(({ priority }) => priority)).toEqual([1, 5, 10]);
  });
});

describe('a conversation', () => {
  it('gives a question what it leaves unsaid, over several turns', async () => {
    const first = await ask(client, { question: meals, ...nothingFound });
    expect(first).not.toHaveProperty('contextual_question');
    const follow = (question: string, previous: Json) =>
      ask(client, { question, previous_answer_id: previous.id, ...nothingFound });
    const second = await follow('And for lunch?', first);
    expect(second).toMatchObject({
      question: 'And for lunch?',
      previous_answer_id: first.id,
      contextual_question: 'And for lunch? (daily allowance meals)',
    });
    const third = await follow('Why?', second);
    expect(third.contextual_question).toBe('Why? (lunch daily allowance meals)');
    const fourth = await follow('How fast may forklifts drive in the hall?', third);
    expect(fourth, 'stands for itself').not.toHaveProperty('contextual_question');
  });

  it('is of one key', async () => {
    const first = await ask(client, { question: meals, ...nothingFound });
    const stranger = await other.post(answers, { question: 'Why?', previous_answer_id: first.id });
    expect([stranger.status, stranger.body.code]).toEqual([404, 'not_found']);
    await client.delete(first.links.self);
    const deleted = await client.post(answers, { question: 'Why?', previous_answer_id: first.id });
    expect([deleted.status, deleted.body.code]).toEqual([404, 'not_found']);
  });
});

describe('deleting', () => {
  it('takes the answer for good, with all that was kept of it, and can be repeated', async () => {
    const headers = { 'Idempotency-Key': 'deleted-later', Prefer: 'wait=60' };
    const question = 'Is the purple aardvark insured?';
    const asking = () => client.post(answers, { question, ...nothingFound }, headers);
    const { body: answer } = await asking();
    await client.post(answer.links.feedback, { rating: 1, comment: 'aardvark' });
    for (let i = 0; i < 2; i++) expect((await client.delete(answer.links.self)).status).toBe(204);
    for (const path of [answer.links.self, answer.links.events])
      expect((await client.get(path)).status, path).toBe(404);
    expect((await client.post(answer.links.cancel)).status).toBe(404);
    const again = await asking();
    expect(again.body).toMatchObject({ id: answer.id, question: '', is_terminal: true });
    expect(again.body).not.toHaveProperty('answer');
    for (const table of ['answers', 'answer_events', 'feedback', 'idempotency_keys'])
      expect(
        await service.sql.query(`select 1 from ${table} t where t::text like '%aardvark%'`),
        table,
      ).toEqual([]);
  });
});

describe('the list of answers', () => {
  it('has those of the key, newest first, in pages and by status', async () => {
    const { client: lister } = await createKey(service, { scope: 'write' });
    const made: string[] = [];
    for (let n = 0; n < 5; n++)
      made.unshift((await ask(lister, { question: `Question ${n}?`, ...nothingFound })).id);
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Json = (await lister.get(`${answers}?limit=2${cursor && `&cursor=${cursor}`}`)).body;
      found.push(...page.items.map(({ id }: Json) => id));
      cursor = page.next_cursor;
    }
    expect(found).toEqual(made);
    await lister.delete(`${answers}/${made[0]}`);
    expect((await lister.get(`${answers}?status=completed`)).body.items).toHaveLength(4);
    expect((await lister.get(`${answers}?status=failed`)).body.items).toEqual([]);
    const [newest] = (await lister.get(answers)).body.items;
    expect(newest).toEqual((await lister.get(`${answers}/${made[1]}`)).body);
  });
});

describe('one Idempotency-Key', () => {
  it('in fifty parallel calls makes one answer', async () => {
    const { client: caller, id } = await createKey(service, { scope: 'read' });
    const body = { question: meals, ...nothingFound };
    const call = () => caller.post(answers, body, { 'Idempotency-Key': 'fifty' });
    const replies = await Promise.all(Array.from({ length: 50 }, call));
    const accepted = replies.filter(({ status }) => status === 202);
    for (const reply of replies.filter(({ status }) => status !== 202)) {
      expect([reply.status, reply.body.code]).toEqual([409, 'idempotency_in_progress']);
      expect(reply.headers.get('retry-after')).toBeTruthy();
    }
    const again = await call();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(new Set([...accepted, again].map((reply) => reply.body.id)).size).toBe(1);
    const rows = await service.sql.query('select 1 from answers where api_key_id = $1', [id]);
    expect(rows).toHaveLength(1);
  });
});
