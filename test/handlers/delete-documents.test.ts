import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { system } from '../../src/access.ts';
import { claimAnswer, completeAnswer, findAnswer, insertAnswer } from '../../src/db/answers.ts';
import { completeDelete } from '../../src/db/complete-delete.ts';
import { beginDelete, beginDeleteOfMany, claimOperation, findOperation } from '../../src/db/operations.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { ready } from '../support/ingest.ts';
import type { Json } from '../support/service.ts';

let bench: HandlerBench;
let context: Context;
beforeAll(async () => {
  bench = await openBench();
  context = bench.context;
});
afterAll(() => bench.close());

const add = async (text: string, externalId: string) =>
  (await ready(context, { text, externalId })).documentId;

async function claimed(id: string) {
  const operation = await claimOperation(context.db, id);
  if (!operation) throw new Error('it could not be claimed');
  return operation;
}

describe('an operation that deletes many', () => {
  it('goes on where a worker stopped, and its receipt counts everything once', async () => {
    const names = Array.from({ length: 45 }, (_, n) => `lock-${n}`);
    for (const name of names) await add('The same lock keeper opens every lock.', name);
    const kept = await add('The weir has no keeper.', 'weir');
    const { id, total } = await beginDeleteOfMany(context.db, randomUUID(), { externalIdPrefix: 'lock-' });
    expect(total).toBe(45);
    const first = await claimed(id);
    const stop = AbortSignal.abort(new Error('the worker stops'));
    await expect(completeDelete(context.db, first, stop)).rejects.toThrow('the worker stops');
    const half = await findOperation(context.db, id, system);
    expect(half).toMatchObject({ status: 'in_progress', receipt: null, partial: { documents: 20 } });
    await context
      .db('operations')
      .where({ id })
      .update({ lease_until: context.db.raw(`now() - interval '1 second'`) });
    await handlers.deleteDocument.run({ operationId: id }, context);
    await expect(completeDelete(context.db, first)).rejects.toMatchObject({ code: 'lease_lost' });
    const done = await findOperation(context.db, id, system);
    expect(done).toMatchObject({
      status: 'completed',
      receipt: { documents: 45, versions: 45, chunks: 45, vectors: 45, residual: 0 },
    });
    expect(await beginDeleteOfMany(context.db, id, { externalIdPrefix: 'weir' }), 'the same id').toEqual(
      done,
    );
    expect(await context.db('documents').pluck('id')).toEqual([kept]);
  });

  it('that was given up on is opened again by the next request', async () => {
    const doomed = await add('The sluice is rusty.', 'sluice');
    const operation = await beginDelete(context.db, doomed);
    const operationId = operation?.id as string;
    const error = { code: 'gave_up', detail: 'Given up after 8 attempts.', retryable: false } as const;
    await handlers.deleteDocument.giveUp?.({ operationId }, error, context);
    expect(await findOperation(context.db, operationId, system)).toMatchObject({ status: 'failed', error });
    expect(await beginDelete(context.db, doomed)).toMatchObject({
      ...{ id: operationId, status: 'queued', error: null },
    });
    await handlers.deleteDocument.run({ operationId }, context);
    expect(await findOperation(context.db, operationId, system)).toMatchObject({ receipt: { residual: 0 } });
  });
});

describe('an answer', () => {
  const source = (n: number, document_id: string, text: string, span: number[]) => ({
    ...{ n, document_id, version: 1, chunk_id: randomUUID(), title: text, source_url: null, date: null },
    ...{ taxonomy_path: ['a'], hybrid_score: 1, text, quote: text, char_range: [0, text.length], page: null },
    ...{ answer_spans: [span], verified: true },
  });

  it('whose source was deleted while it was written is stored without it', async () => {
    const doomed = await add('The cutter sails.', 'cutter');
    const staying = await add('The barge rows.', 'barge');
    const row = await insertAnswer(context.db, {
      ...{ id: randomUUID(), question: 'What sails?', request: { mode: 'keypoints', flags: {} } },
      ...{ apiKeyId: null, requestId: 'r', traceparent: null, deadlineMs: 60_000, keepHours: 1 },
    });
    const answer = await claimAnswer(context.db, row.id);
    const operation = await beginDelete(context.db, doomed);
    await handlers.deleteDocument.run({ operationId: operation?.id as string }, context);
    const text = '- The cutter sails. [1]\n- The barge rows. [2]\nBoth are ships.';
    const sources = [
      source(1, doomed, 'The cutter sails.', [2, 19]),
      source(2, staying, 'The barge rows.', [26, 41]),
    ];
    const result = { answer: text, sources, source_count: 2 };
    await completeAnswer(context.db, row.id, answer?.token as string, result, {});
    const [stored] = (await context.db.raw('select result from answers where id = ?', [row.id])).rows;
    expect(JSON.stringify(stored)).not.toContain('cutter');
    expect(stored.result).toMatchObject({ answer: '- The barge rows. [2]', sources_deleted: 1 });
    const [gone, left] = stored.result.sources as [Json, Json];
    expect(gone).toMatchObject({ document_id: doomed, deleted: true, verified: false, text: '', quote: '' });
    expect(stored.result.answer.slice(...left.answer_spans[0])).toBe('The barge rows.');
    expect((await findAnswer(context.db, row.id, system))?.result, 'reading changes nothing more').toEqual(
      stored.result,
    );
  });
});
