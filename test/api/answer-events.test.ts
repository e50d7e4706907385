import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents } from '../../src/db/answer-events.ts';
import { type ClaimedAnswer, claimAnswer, completeAnswer, releaseAnswer } from '../../src/db/answers.ts';
import { beginDelete } from '../../src/db/operations.ts';
import { openApi } from '../../src/service.ts';
import { startTelling, type Told } from '../../workers/answer/telling.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { openEvents, type SentEvent } from '../support/events.ts';
import { type Client, createClient, type Json } from '../support/http.ts';
import { ready } from '../support/ingest.ts';
import { waitFor } from '../support/wait-for.ts';

// The API over a database in which this file does what a worker does, so that it knows what is told and when.
let bench: HandlerBench;
let client: Client;
let key: string;
let documentId: string;
beforeAll(async () => {
  bench = await openBench({ PORT: '0' });
  const { url, adminKey } = await openApi(bench.foundation);
  key = adminKey;
  client = createClient(url, key);
  ({ documentId } = await ready(bench.context, { text: 'The barge rows by night.' }));
});
afterAll(() => bench.close());

const answers = '/api/v1/answers';
const events = (answer: Json, headers: Record<string, string> = {}, query = '') =>
  openEvents(client, `${answer.links.events}${query}`, { 'X-API-Key': key, ...headers });

async function asked(): Promise<Json> {
  const reply = await client.post(answers, { question: 'Who rows?' });
  expect(reply.status, reply.text).toBe(202);
  return reply.body;
}

async function claimed(answer: Json): Promise<ClaimedAnswer> {
  const row = await claimAnswer(bench.context.db, answer.id);
  if (!row) throw new Error('nothing to claim');
  return row;
}

const quote = 'The barge rows by night.';
const result = () => ({
  ...{ answer: `${quote} [1]`, abstained: false, language: 'en', model: 'm', degraded: null },
  sources: [
    {
      ...{ n: 1, document_id: documentId, version: 1, chunk_id: documentId, title: null, source_url: null },
      ...{
        date: null,
        taxonomy_path: [],
        hybrid_score: 1,
        text: quote,
        quote,
        char_range: [0, quote.length],
      },
      ...{ page: null, answer_spans: [[0, quote.length]], verified: true },
    },
  ],
});
const step = { name: 'intent', ms: 1, outcome: 'ok' } as const;

async function complete({ id, token }: ClaimedAnswer, told?: Told): Promise<void> {
  await completeAnswer(bench.context.db, id, token, result(), told ? { told } : {});
}

const types = (list: readonly (SentEvent | undefined)[]) => list.map((event) => event?.event);
const expectWithoutGaps = (list: readonly SentEvent[], from = 1) =>
  expect(list.map(({ id }) => id)).toEqual(list.map((_, n) => n + from));

describe('events of an answer', () => {
  it('come while it is written, in order and without gaps, and end with the answer', async () => {
    const answer = await asked();
    const stream = await events(answer);
    const row = await claimed(answer);
    const telling = startTelling(row, bench.context);
    telling.report({ type: 'passages', data: { documentIds: [documentId] } });
    telling.report({ type: 'step', data: step });
    for (const text of ['The ', 'barge ', 'rows.\0', ' \ud83d', '\ude00'])
      telling.report({ type: 'delta', data: { text } });
    const [first, second] = [await stream.next(), await stream.next()];
    expect(first).toEqual({ id: 1, event: 'step', data: step });
    expect(second).toEqual({ id: 2, event: 'delta', data: { text: 'The barge rows. 😀' } });

    const underway = await client.get(answer.links.self);
    expect(underway.body).toMatchObject({ status: 'in_progress', steps: [step] });
    telling.report({ type: 'step', data: { ...step, name: 'cite' } });
    await complete(row, await telling.end());
    const rest = await stream.rest();
    expect(types(rest)).toEqual(['step', 'source', 'completed']);
    expectWithoutGaps(rest, 3);
    expect(rest[1]?.data).toMatchObject({ n: 1, document_id: documentId, quote, verified: true });
    expect(rest[2]?.data).toEqual((await client.get(answer.links.self)).body);
  });

  it('are resumed by number, from either header or query, and are 204 when all is known', async () => {
    const answer = await asked();
    const told = [1, 2, 3].map((n) => ({ type: 'step' as const, data: { ...step, ms: n } }));
    await complete(await claimed(answer), { events: told, documents: [] });
    const all = await (await events(answer)).rest();
    expect(types(all)).toEqual(['step', 'step', 'step', 'source', 'completed']);
    expectWithoutGaps(all);
    for (let n = 1; n <= 4; n++) {
      expect(await (await events(answer, { 'Last-Event-ID': String(n) })).rest()).toEqual(all.slice(n));
      expect(await (await events(answer, {}, `?starting_after=${n}`)).rest()).toEqual(all.slice(n));
    }
    for (const n of [5, 900]) expect((await events(answer, { 'Last-Event-ID': String(n) })).status).toBe(204);
  });

  it('say when another try begins anew', async () => {
    const { db } = bench.context;
    const answer = await asked();
    const { id, token } = await claimed(answer);
    const draft = [{ type: 'delta' as const, data: { text: 'A first draft' } }];
    await appendEvents(db, { id, token, before: 0 }, draft, [documentId]);
    await releaseAnswer(db, id, token);
    const second = await claimed(answer);
    const telling = startTelling(second, bench.context);
    telling.report({ type: 'delta', data: { text: 'A second one' } });
    await complete(second, await telling.end());
    const all = await (await events(answer)).rest();
    expect(types(all)).toEqual(['delta', 'restart', 'delta', 'source', 'completed']);
    expectWithoutGaps(all);
  });

  it('are refused from a worker that has lost its lease, and added once when a reply was lost', async () => {
    const { db } = bench.context;
    const answer = await asked();
    const row = await claimed(answer);
    const lease = { id: row.id, token: row.token, before: 0 };
    const told = [{ type: 'step' as const, data: step }];
    expect(await appendEvents(db, lease, told, [])).toBe(1);
    expect(await appendEvents(db, lease, told, []), 'the same again').toBe(1);
    await client.post(answer.links.cancel);
    await expect(appendEvents(db, { ...lease, before: 1 }, told, [])).rejects.toThrow(/taken this work over/);
    await expect(complete(row)).rejects.toThrow(/taken this work over/);
    expect(types(await (await events(answer)).rest())).toEqual(['step', 'cancelled']);
  });

  it('end with one terminal event, whoever ends the answer', async () => {
    const { db } = bench.context;
    const cancelled = await asked();
    const waiting = await events(cancelled);
    await Promise.all([1, 2, 3].map(() => client.post(cancelled.links.cancel)));
    expect(await waiting.rest()).toMatchObject([
      { id: 1, event: 'cancelled', data: { status: 'cancelled' } },
    ]);

    const late = await asked();
    const following = await events(late);
    await db('answers').where({ id: late.id }).update({ deadline_at: db.fn.now() });
    expect((await client.get(late.links.self)).body).toMatchObject({
      status: 'expired',
      error: { code: 'deadline_exceeded' },
    });
    expect(await following.rest()).toMatchObject([{ id: 1, event: 'expired', data: { id: late.id } }]);

    const failed = await asked();
    const error = { code: 'gave_up', detail: 'Given up.', retryable: false } as const;
    await handlers.answerQuestion.giveUp?.({ answerId: failed.id }, error, bench.context);
    expect(await (await events(failed)).rest()).toMatchObject([{ event: 'failed', data: { error } }]);
  });

  it('are gone some time after the end, and say so', async () => {
    const answer = await asked();
    await complete(await claimed(answer));
    const old = `update answer_events set written_at = now() - interval '2 hours' where answer_id = ?`;
    await bench.context.db.raw(old, [answer.id]);
    await handlers.sweepExpired.run({}, bench.context);
    const gone = await client.get(answer.links.events);
    expect([gone.status, gone.body.code]).toEqual([410, 'gone']);
    expect((await client.get(answer.links.self)).body.status).toBe('completed');
  });

  it('of a draft too long to be told are void, and the end is told all the same', async () => {
    const answer = await asked();
    const row = await claimed(answer);
    const telling = startTelling(row, bench.context);
    for (let n = 0; n < 300; n++) telling.report({ type: 'delta', data: { text: 'x'.repeat(1000) } });
    await complete(row, await telling.end());
    expect(types(await (await events(answer)).rest())).toEqual(['restart', 'source', 'completed']);
  });
});

describe('drafts from a document', () => {
  it('are blank from the moment it is deleted, and for good', async () => {
    const { db } = bench.context;
    const { documentId: doomed } = await ready(bench.context, { text: 'The cutter sails.' });
    const [before, after] = [await asked(), await asked()];
    const draft = [{ type: 'delta' as const, data: { text: 'The cutter' } }];
    const early = await claimed(before);
    await appendEvents(db, { id: early.id, token: early.token, before: 0 }, draft, [documentId, doomed]);
    const late = await claimed(after);
    const operation = await beginDelete(db, doomed);
    await appendEvents(db, { id: late.id, token: late.token, before: 0 }, draft, [doomed]);
    const stream = await events(before);
    expect(await stream.next()).toEqual({ id: 1, event: 'delta', data: { text: '', deleted: true } });
    await stream.close();
    await handlers.deleteDocument.run({ operationId: operation?.id as string }, bench.context);
    const { body } = await client.get(`/api/v1/operations/${operation?.id}`);
    expect(body.receipt).toMatchObject({ drafts: 1, residual: 0 });
    const { rows } = await db.raw(`select data::text from answer_events where data::text like '%cutter%'`);
    expect(rows).toEqual([]);
  });
});

describe('waiting', () => {
  it('ends with the answer, for many at once and for who asks later', async () => {
    const answer = await asked();
    const wait = () => client.get(answer.links.self, { headers: { Prefer: 'wait=60' } });
    const waiting = Array.from({ length: 20 }, wait);
    await complete(await claimed(answer));
    for (const reply of await Promise.all(waiting)) {
      expect([reply.status, reply.body.status]).toEqual([200, 'completed']);
      expect(reply.headers.get('preference-applied')).toBe('wait=60');
    }
    expect((await wait()).body.status).toBe('completed');
  });

  it('ends with the deadline, though no worker is there', async () => {
    const question = { question: 'Who rows?', deadline_ms: 100 };
    const reply = await client.post(answers, question, { Prefer: 'wait=60' });
    expect([reply.status, reply.body.status]).toEqual([200, 'expired']);
  });

  it('is told honestly how long it may take', async () => {
    const { db } = bench.context;
    const answer = await asked();
    const said = async () => {
      const { body, headers } = await client.get(answer.links.self);
      return { ms: body.poll_after_ms, seconds: headers.get('retry-after') };
    };
    // Nobody takes the queue: it may take as long as is ever said.
    expect(await said()).toEqual({ ms: 30_000, seconds: '30' });
    await db('worker_heartbeats').insert({ id: answer.id, process: 'p', queues: ['answer'], concurrency: 4 });
    const { ms, seconds } = await waitFor('the worker is noticed', async () => {
      const now = await said();
      return now.ms < 30_000 && now;
    });
    expect(seconds).toBe(String(Math.ceil(ms / 1000)));
    await db('worker_heartbeats').where({ id: answer.id }).delete();
  });
});

describe('the entity tag', () => {
  it('changes with everything that is shown', async () => {
    const { db } = bench.context;
    const answer = await asked();
    const tag = async () => (await client.get(answer.links.self)).headers.get('etag') as string;
    const row = await claimed(answer);
    const before = await tag();
    const told = [{ type: 'step' as const, data: step }];
    await appendEvents(db, { id: row.id, token: row.token, before: 0 }, told, []);
    const during = await tag();
    await complete(row);
    const after = await tag();
    expect(new Set([before, during, after]).size).toBe(3);
    const known = (tags: string) => client.get(answer.links.self, { headers: { 'If-None-Match': tags } });
    for (const tags of [after, `W/${after}`, `"x", ${after}`, '*'])
      expect([tags, (await known(tags)).status]).toEqual([tags, 304]);
    expect((await known(during)).status).toBe(200);
  });
});
