import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { system } from '../../src/access.ts';
import { takeAnswers } from '../../src/api/take-answers.ts';
import { endAnswer, findAnswer, insertAnswer } from '../../src/db/answers.ts';
import { completeDelete } from '../../src/db/complete-delete.ts';
import { claimChunks, saveVectors } from '../../src/db/embeddings.ts';
import { beginDelete, claimOperation, findOperation } from '../../src/db/operations.ts';
import type { VersionKey } from '../../src/db/versions.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { handbook } from '../support/handbook.ts';
import * as ingest from '../support/ingest.ts';
import type { Json } from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

let bench: HandlerBench;
let context: Context;
beforeAll(async () => {
  bench = await openBench();
  context = bench.context;
});
afterAll(() => bench.close());

const all = async (sql: string, bindings: Record<string, unknown> = {}): Promise<Json[]> =>
  (await context.db.raw(sql, bindings)).rows;
const one = async (sql: string, bindings: Record<string, unknown> = {}): Promise<Json> =>
  (await all(sql, bindings))[0];

const accept = (text: string, externalId?: string) => ingest.accept(context, note(text, externalId));
const chunked = (text: string, externalId?: string) => ingest.chunked(context, note(text, externalId));
const ready = (text: string) => ingest.ready(context, { text });
const note = (text: string, externalId?: string) => ({ text, ...(externalId && { externalId }) });

const statusOf = async ({ documentId, version }: VersionKey): Promise<string> =>
  (
    await one('select status from document_versions where document_id = :documentId and version = :version', {
      documentId,
      version,
    })
  ).status;
const vectorsOf = async ({ documentId }: VersionKey): Promise<number> =>
  (
    await one(
      'select count(*)::int as n from chunk_vectors x join chunks c on c.seq = x.chunk_seq where c.document_id = :documentId',
      { documentId },
    )
  ).n;
const corpus = () =>
  one('select version::int, live_chunks::int as chunks, live_words::int as words from corpus_state');
const exact = () =>
  one('select count(*)::int as chunks, coalesce(sum(word_count), 0)::int as words from chunks where live');

const longText = Array.from(
  { length: 60 },
  (_, n) => `Sentence ${n} tells of the ${n}th gate of the old town.`,
).join(' ');

describe('embedChunks', () => {
  it('makes the version live once every chunk has its vector, and only once', async () => {
    const before = await corpus();
    const key = await chunked(longText);
    expect(await statusOf(key)).toBe('embedding');
    expect((await corpus()).chunks, 'nothing can be found yet').toBe(before.chunks);
    const batches = [0, 1, 2].map((batch) => handlers.embedChunks.run({ ...key, batch }, context));
    await Promise.all(batches);
    expect(await statusOf(key)).toBe('ready');
    const { chunk_count } = await one(
      'select chunk_count from document_versions where document_id = :documentId',
      { documentId: key.documentId },
    );
    expect(chunk_count).toBeGreaterThan(3);
    expect(await vectorsOf(key)).toBe(chunk_count);
    const after = await corpus();
    expect(after.chunks - before.chunks).toBe(chunk_count);
    expect(after.version).toBe(before.version + 1);
    await handlers.embedChunks.run({ ...key, batch: 0 }, context);
    expect(await corpus(), 'a late delivery changes nothing').toEqual(after);
  });

  it('leaves chunks alone that another worker holds', async () => {
    const key = await chunked('A short text about herons.');
    const { model, dimensions } = await context.embedders.configured();
    const held = await claimChunks(context.db, key, model, 10);
    expect(held.chunks).toHaveLength(1);
    await handlers.embedChunks.run({ ...key, batch: 0 }, context);
    expect([await statusOf(key), await vectorsOf(key)]).toEqual(['embedding', 0]);
    await context
      .db('chunks')
      .where({ document_id: key.documentId })
      .update({ embed_until: context.db.raw(`now() - interval '1 second'`) });
    await handlers.embedChunks.run({ ...key, batch: 0 }, context);
    expect(await statusOf(key)).toBe('ready');
    const vector = new Float32Array(dimensions);
    const made = held.chunks.map((chunk) => ({ chunk, hash: '00', vector }));
    const late = await saveVectors(context.db, held.token, model, made);
    expect(late, 'who lost the claim writes nothing').toBe(0);
    expect(await vectorsOf(key)).toBe(1);
  });

  it('does nothing for a version that was replaced, cancelled or deleted meanwhile', async () => {
    const old = await chunked('Old words about otters.', 'replaced');
    const newer = await accept('New words about otters.', 'replaced');
    expect([newer.documentId, newer.version]).toEqual([old.documentId, 2]);
    await handlers.embedChunks.run({ ...old, batch: 0 }, context);
    expect([await statusOf(old), await vectorsOf(old)]).toEqual(['cancelled', 0]);
    const deleted = await chunked('Deleted words about otters.');
    await beginDelete(context.db, deleted.documentId);
    const before = await corpus();
    await handlers.embedChunks.run({ ...deleted, batch: 0 }, context);
    expect(await corpus()).toEqual(before);
  });

  it('gives up with the error on the version, and keeps what was done of it for another try', async () => {
    const key = await chunked('Never embedded words about newts.');
    const error = { code: 'gave_up', detail: 'Given up after 8 attempts.', retryable: false } as const;
    await handlers.embedChunks.giveUp?.({ ...key, batch: 0 }, error, context);
    const row = await one('select status, error, failed_in from document_versions where document_id = :id', {
      id: key.documentId,
    });
    expect(row).toEqual({ status: 'failed', error, failed_in: 'embedding' });
    const kept = await all('select live from chunks where document_id = :id', { id: key.documentId });
    expect(kept).toEqual([{ live: false }]);
    const live = await ready('Words about newts that are ready.');
    await handlers.embedChunks.giveUp?.({ ...live, batch: 0 }, error, context);
    expect(await statusOf(live), 'what is ready stays ready').toBe('ready');
  });
});

describe('takeAnswers', () => {
  const asked = (more: { id?: string; apiKeyId?: string; priority?: number } = {}) => ({
    ...{ id: randomUUID(), question: 'Who counts the ships?', request: { mode: 'answer', n: 0.5 } },
    ...{ apiKeyId: null, requestId: 'r', traceparent: null, deadlineMs: 60_000, keepHours: 1, ...more },
  });
  const stored = (ids: string[]) =>
    all('select * from answers where id = any(:ids) order by array_position(:ids, id)', { ids });

  it('stores what comes together in one transaction, says of each what is stored, and nudges for each', async () => {
    const take = takeAnswers(bench.foundation);
    const questions = [asked({ priority: 1 }), asked(), asked({ priority: 9 })];
    const taken = await Promise.all(questions.map(take));
    await Promise.all(taken.map(({ nudged }) => nudged));
    const rows = await stored(questions.map(({ id }) => id));
    for (const [n, { row }] of taken.entries()) expect(rows[n]).toMatchObject(row);
    expect(new Set(rows.map(({ created_at }) => created_at.getTime())).size).toBe(1);
    expect(rows.map(({ priority }) => priority)).toEqual([1, 5, 9]);
    const waiting = await bench.waiting('answerQuestion');
    expect(waiting).toEqual(expect.arrayContaining(questions.map(({ id }) => ({ answerId: id }))));
  });

  it('leaves the others alone when one can not be stored', async () => {
    const take = takeAnswers(bench.foundation);
    const wrong = asked({ apiKeyId: 'nobody' });
    const right = [asked(), asked()];
    const [before, failed, after] = await Promise.allSettled(
      [right[0], wrong, right[1]].map((a) => take(a ?? wrong)),
    );
    expect([before?.status, failed?.status, after?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(failed).toMatchObject({ reason: { code: '22P02' } });
    expect(await stored([right[0]?.id, wrong.id, right[1]?.id] as string[])).toHaveLength(2);
  });

  it('gives the row that is there already for the same id', async () => {
    const take = takeAnswers(bench.foundation);
    const first = asked();
    const { row } = await take(first);
    await endAnswer(context.db, first.id, 'cancelled', null);
    const [again, other, twice] = await Promise.all([first, asked(), first].map(take));
    expect(again?.row).toMatchObject({ id: row.id, status: 'cancelled', created_at: row.created_at });
    expect(twice?.row).toEqual(again?.row);
    expect(other?.row.status).toBe('queued');
  });
});

describe('answerQuestion', () => {
  beforeAll(async () => {
    for (const { text } of handbook) await ready(text);
  });
  const insert = (deadlineMs = 60_000) =>
    insertAnswer(context.db, {
      id: randomUUID(),
      question: 'How fast may forklifts drive in the hall?',
      request: {
        mode: 'answer',
        final_topk: 5,
        strategy: 'auto',
        flags: { experience_replay: { on: true } },
      },
      ...{ apiKeyId: null, requestId: 'r', traceparent: null, deadlineMs, keepHours: 1 },
    });
  const experiences = (answerId: string) =>
    all('select * from experiences where answer_id = :answerId', { answerId });

  it('is answered once, however often it is delivered', async () => {
    const { id } = await insert();
    const deliveries = [1, 2, 3].map(() => handlers.answerQuestion.run({ answerId: id }, context));
    await Promise.all(deliveries);
    await handlers.answerQuestion.run({ answerId: id }, context);
    const row = await findAnswer(context.db, id, system);
    expect(row).toMatchObject({ status: 'completed', attempts: 1, error: null });
    expect(row?.result?.answer).toContain('10 kilometres');
    expect(await experiences(id)).toHaveLength(1);
  });

  it('is left as it is when it was cancelled', async () => {
    const { id } = await insert();
    expect(await endAnswer(context.db, id, 'cancelled', null)).toBe(true);
    await handlers.answerQuestion.run({ answerId: id }, context);
    expect(await findAnswer(context.db, id, system)).toMatchObject({
      status: 'cancelled',
      attempts: 0,
      result: null,
    });
    expect(await experiences(id)).toEqual([]);
  });

  it('expires when it comes to a worker after its deadline', async () => {
    const { id } = await insert(-1);
    await handlers.answerQuestion.run({ answerId: id }, context);
    expect(await findAnswer(context.db, id, system)).toMatchObject({
      ...{ status: 'expired', attempts: 0, result: null },
      error: { code: 'deadline_exceeded' },
    });
  });

  it('goes back to the queue when the worker stops, and is failed when given up', async () => {
    const { id } = await insert();
    const stopped = { ...context, signal: AbortSignal.abort(new Error('stopping')) };
    await expect(handlers.answerQuestion.run({ answerId: id }, stopped)).rejects.toThrow('stopping');
    expect(await findAnswer(context.db, id, system)).toMatchObject({ status: 'queued', result: null });
    const error = { code: 'gave_up', detail: 'Given up after 3 attempts.', retryable: false } as const;
    await handlers.answerQuestion.giveUp?.({ answerId: id }, error, context);
    expect(await findAnswer(context.db, id, system)).toMatchObject({ status: 'failed', error });
    await handlers.answerQuestion.run({ answerId: id }, context);
    expect(await findAnswer(context.db, id, system)).toMatchObject({ status: 'failed' });
  });
});

describe('deleteDocument', () => {
  it('removes everything once, and its receipt counts it', async () => {
    const key = await ready('Nobody will read about the narwhal again.');
    const operation = await beginDelete(context.db, key.documentId);
    const operationId = operation?.id as string;
    expect((await beginDelete(context.db, key.documentId))?.id, 'deleting twice is one operation').toBe(
      operationId,
    );
    await Promise.all([1, 2].map(() => handlers.deleteDocument.run({ operationId }, context)));
    const done = await findOperation(context.db, operationId, system);
    expect(done).toMatchObject({
      status: 'completed',
      receipt: { documents: 1, chunks: 1, vectors: 1, postings: 0, residual: 0 },
    });
    await handlers.deleteDocument.run({ operationId }, context);
    expect(await findOperation(context.db, operationId, system)).toEqual(done);
    const { version: _, ...state } = await corpus();
    expect(state).toEqual(await exact());
  });

  it('writes nothing for a worker whose lease was taken over', async () => {
    const key = await ready('Nobody will read about the walrus again.');
    const operation = await beginDelete(context.db, key.documentId);
    const claimed = await claimOperation(context.db, operation?.id as string);
    if (!claimed) throw new Error('it could not be claimed');
    await context
      .db('operations')
      .where({ id: claimed.id })
      .update({ lease_until: context.db.raw(`now() - interval '1 second'`) });
    const taken = await claimOperation(context.db, claimed.id);
    expect(taken?.token).not.toBe(claimed.token);
    await expect(completeDelete(context.db, claimed)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(
      await all('select 1 from documents where id = :id', { id: key.documentId }),
      'rolled back',
    ).toHaveLength(1);
    if (taken) await completeDelete(context.db, taken);
    expect(await findOperation(context.db, claimed.id, system)).toMatchObject({
      status: 'completed',
      receipt: { residual: 0 },
    });
  });
});

describe('requeueLost', () => {
  it('nudges what waits too long or was left behind, and nothing else, once', async () => {
    const queued = await accept('Queued long ago.');
    const parsing = await accept('Its parser died.');
    // What earlier tests left waiting, however long ago.
    await context
      .db('document_versions')
      .whereIn('status', ['queued', 'embedding'])
      .whereNotIn('document_id', [queued.documentId])
      .update({ status: 'cancelled' });
    const embedding = await chunked('Nobody embeds it.');
    const fresh = await accept('Queued just now.');
    const past = context.db.raw(`now() - interval '1 hour'`);
    // However long this test, and those that left something in the queue, take.
    await context
      .db('document_versions')
      .where({ status: 'queued' })
      .update({ updated_at: context.db.raw(`now() + interval '1 hour'`) });
    await context
      .db('document_versions')
      .whereIn('document_id', [queued.documentId, embedding.documentId])
      .update({ updated_at: past });
    await context
      .db('document_versions')
      .where({ document_id: parsing.documentId })
      .update({ status: 'parsing', lease_until: past });
    const [answer] = await context
      .db('answers')
      .insert({
        question: 'x',
        request: '{}',
        created_at: past,
        deadline_at: context.db.raw(`now() + interval '1 hour'`),
        expires_at: context.db.raw(`now() + interval '1 day'`),
      })
      .returning('id');
    for (const queue of bench.foundation.queues.list) await queue.drain(true);
    await handlers.requeueLost.run({}, context);
    const ingest = (await bench.waiting('ingestDocument')) as VersionKey[];
    expect(ingest.map(({ documentId }) => documentId).sort()).toEqual(
      [queued.documentId, parsing.documentId].sort(),
    );
    expect(ingest.map(({ documentId }) => documentId)).not.toContain(fresh.documentId);
    expect(await bench.waiting('embedChunks')).toEqual([{ ...embedding, batch: 0 }]);
    expect(await bench.waiting('answerQuestion')).toEqual([{ answerId: answer.id }]);
    await handlers.requeueLost.run({}, context);
    expect(await bench.waiting('ingestDocument'), 'a nudge that waits is not added again').toHaveLength(2);
  });
});

describe('sweepExpired', () => {
  it('ends and removes what is past its time, and nothing else', async () => {
    const { db } = context;
    const at = (interval: string) => db.raw(`now() + ?::interval`, [interval]);
    const insert = async (row: Record<string, unknown>): Promise<string> => {
      const base = { question: 'x', request: '{}', deadline_at: at('1 hour'), expires_at: at('1 day') };
      return (
        await db('answers')
          .insert({ ...base, ...row })
          .returning('id')
      )[0].id;
    };
    const late = await insert({ deadline_at: at('-1 minute') });
    const running = await insert({ status: 'in_progress', deadline_at: at('-1 minute') });
    const waiting = await insert({});
    const old = await insert({ status: 'completed', expires_at: at('-1 second') });
    const keys = (key: string, created_at: unknown) => ({
      api_key_id: '00000000-0000-4000-8000-000000000000',
      key,
      request_hash: 'h',
      created_at,
    });
    await db('idempotency_keys').insert([
      keys('old', at('-25 hours')),
      keys('young', at('-1 hour')),
    ] as never);
    await context.search.retrieve('forklifts', {
      k: 1,
      strategy: 'keyword',
      filters: {},
      audience: { scope: 'read', flags: [] },
    });
    await ready('The corpus changes, so what is cached is stale.');
    await context
      .db('query_cache')
      .where('key', 'like', 'embedding:%')
      .update({ created_at: at('-1 day') });
    await handlers.sweepExpired.run({}, context);
    expect(await findAnswer(db, late, system)).toMatchObject({
      status: 'expired',
      error: { code: 'deadline_exceeded' },
    });
    expect(await findAnswer(db, running, system)).toMatchObject({ status: 'expired' });
    expect(await findAnswer(db, waiting, system)).toMatchObject({ status: 'queued' });
    expect(await all('select 1 from answers where id = :old', { old })).toEqual([]);
    expect(await all('select key from idempotency_keys')).toEqual([{ key: 'young' }]);
    expect(await all('select 1 from query_cache')).toEqual([]);
  });
});

it('a look at the taxonomy that is asked for during another one follows it, once', async () => {
  const { queues } = bench.foundation;
  let runs = 0;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const worker = queues.openWorker(
    'learning',
    async ({ name }) => {
      if (name === 'suggestTaxonomy' && ++runs === 1) await held;
    },
    { concurrency: 1 },
  );
  try {
    await queues.enqueue('suggestTaxonomy', [{}]);
    await waitFor('the first is under way', () => runs === 1);
    for (const _ of [1, 2, 3]) await queues.enqueue('suggestTaxonomy', [{}]);
    release();
    await waitFor('nothing is left to do', async () => runs > 1 && !(await isHeld()));
    expect(runs).toBe(2);
  } finally {
    release();
    await worker.close();
  }
});

const isHeld = async () => (await bench.foundation.queues.holds('suggestTaxonomy', [{}]))[0];
