import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { system } from '../../src/access.ts';
import { cancelBatch, insertBatch, retryBatch, sweepLeftChunks } from '../../src/db/batch-changes.ts';
import { findBatch, listItems } from '../../src/db/batches.ts';
import { storeParsed } from '../../src/db/store-chunks.ts';
import { claimVersion, type VersionKey } from '../../src/db/versions.ts';
import { asAppError, summarise } from '../../src/errors.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import * as ingest from '../support/ingest.ts';

let standIn: GeminiStandIn;
let bench: HandlerBench;
let context: Context;
beforeAll(async () => {
  standIn = await startGeminiStandIn();
  bench = await openBench({
    EMBEDDING_PROVIDER: 'gemini',
    GEMINI_API_KEY: 'a-key-of-the-stand-in',
    GEMINI_BASE_URL: standIn.url,
  });
  context = bench.context;
});
afterAll(async () => {
  await bench.close();
  await standIn.close();
});

/** A batch of what was accepted. */
async function batchOf(...keys: VersionKey[]): Promise<string> {
  const id = randomUUID();
  await context.db.transaction((trx) =>
    insertBatch(
      trx,
      id,
      null,
      keys.map(() => null),
      keys.map((key) => ({ ...key, outcome: 'accepted' as const })),
    ),
  );
  return id;
}

const items = (id: string) => listItems(context.db, id, { from: 0, limit: 100 });
const longText = Array.from({ length: 500 }, (_, n) => `Sentence ${n} tells of the old town's gates.`).join(
  ' ',
);
const failing = { error: 400, reason: 'INVALID_ARGUMENT' } as const;

/** A delivery that fails, and the last one at that. */
async function giveUpEmbedding(key: VersionKey): Promise<void> {
  const error = await handlers.embedChunks.run({ ...key, batch: 0 }, context).catch(asAppError);
  expect(error).toMatchObject({ code: 'embedding_unavailable' });
  await handlers.embedChunks.giveUp?.({ ...key, batch: 0 }, summarise(error), context);
}

describe('a batch that failed in part', () => {
  it('goes on with embedding where embedding failed: nothing is read again, and no vector is made twice', async () => {
    const key = await ingest.chunked(context, { text: longText });
    const id = await batchOf(key);
    const calls = () => standIn.requests.filter(({ action }) => action === 'batchEmbedContents');
    const before = calls().length;
    // The first batch of chunks gets its vectors, the second does not.
    standIn.script(() => (calls().length > before + 1 ? failing : undefined));
    await giveUpEmbedding(key);
    const [failed] = await items(id);
    expect(failed).toMatchObject({
      ...{ status: 'failed', stage: 'embedding', attempts: 1 },
      error: { code: 'embedding_unavailable', retryable: true },
    });
    const found = await context.search.retrieve('gates', {
      ...{ k: 5, strategy: 'keyword', filters: {}, audience: { scope: 'read', flags: [] } },
    });
    expect(found.retrieval.passages, 'what is kept can not be found').toEqual([]);

    standIn.script([]);
    for (const queue of bench.foundation.queues.list) await queue.drain(true);
    const again = await retryBatch(context.db, id);
    expect(again).toEqual([{ ...key, status: 'embedding' }]);
    expect((await findBatch(context.db, id, system))?.counts).toMatchObject({
      failed: 0,
      in_progress: 1,
      total: 1,
    });
    await handlers.ingestDocument.run(key, context);
    await handlers.embedChunks.run({ ...key, batch: 0 }, context);
    const version = await context
      .db('document_versions')
      .where({ document_id: key.documentId })
      .first('status', 'attempts', 'chunk_count');
    expect(version).toMatchObject({ status: 'ready', attempts: 1 });
    const asked = calls()
      .slice(before)
      .flatMap(({ body }) => body.requests ?? []);
    expect(asked.length, 'only the batch that failed was asked for twice').toBe(
      version.chunk_count + Math.min(50, version.chunk_count - 50),
    );
  });

  it('reads again what could not be read, and what was swept', async () => {
    const unread = await ingest.accept(context, { text: 'Never read.' });
    const error = { code: 'parse_timeout', detail: 'Too slow.', retryable: false } as const;
    await handlers.ingestDocument.giveUp?.(unread, error, context);
    const swept = await ingest.chunked(context, { text: 'Swept.' });
    standIn.script(() => failing);
    await giveUpEmbedding(swept);
    standIn.script([]);
    expect(await sweepLeftChunks(context.db, 100), 'not before its time').toBe(0);
    await context
      .db('document_versions')
      .where({ document_id: swept.documentId })
      .update({ updated_at: context.db.raw(`now() - interval '8 days'`) });
    expect(await sweepLeftChunks(context.db, 100)).toBe(1);
    const id = await batchOf(unread, swept);
    expect((await items(id)).map(({ stage }) => stage)).toEqual(['parsing', 'embedding']);
    const again = await retryBatch(context.db, id);
    expect(again.map(({ status }) => status)).toEqual(['queued', 'queued']);
    for (const key of [unread, swept]) {
      await handlers.ingestDocument.run(key, context);
      await handlers.embedChunks.run({ ...key, batch: 0 }, context);
    }
    expect((await findBatch(context.db, id, system))?.counts).toMatchObject({ completed: 2, total: 2 });
  });

  it('takes the chunks of an overtaken version away at once', async () => {
    const old = await ingest.chunked(context, { text: 'Overtaken.', externalId: 'overtaken' });
    const id = await batchOf(old);
    await ingest.accept(context, { text: 'Overtaking.', externalId: 'overtaken' });
    expect(await context.db('chunks').where({ document_id: old.documentId, version: old.version })).toEqual(
      [],
    );
    expect((await items(id))[0]).toMatchObject({ status: 'cancelled', error: { code: 'superseded' } });
    expect(await retryBatch(context.db, id)).toEqual([]);
  });
});

describe('a cancelled batch', () => {
  it('refuses what comes late of work that had begun', async () => {
    const parsing = await ingest.accept(context, { text: 'Being read.' });
    const embedding = await ingest.chunked(context, { text: 'Being embedded.' });
    const queued = await ingest.accept(context, { text: 'Waiting.' });
    const id = await batchOf(parsing, embedding, queued);
    const claimed = await claimVersion(context.db, parsing);
    await cancelBatch(context.db, id);
    expect((await findBatch(context.db, id, system))?.counts).toMatchObject({ total: 3, cancelled: 3 });
    const late = storeParsed(context.db, parsing, claimed?.token ?? '', {
      ...{ text: '', pages: [], found: {}, chunks: [] },
    });
    await expect(late).rejects.toMatchObject({ code: 'lease_lost' });
    await handlers.embedChunks.run({ ...embedding, batch: 0 }, context);
    await handlers.ingestDocument.run(queued, context);
    expect((await findBatch(context.db, id, system))?.counts).toMatchObject({ total: 3, cancelled: 3 });
    expect(await context.db('chunks').where({ document_id: embedding.documentId })).toEqual([]);
  });
});
