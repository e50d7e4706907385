import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { acceptDocuments, type NewDocument } from '../../src/db/accept-documents.ts';
import type { Database } from '../../src/db/connect.ts';
import { sweepOriginals } from '../../src/db/originals.ts';
import { storeParsed } from '../../src/db/store-chunks.ts';
import { readVersionText } from '../../src/db/version-text.ts';
import { claimVersion, type VersionKey } from '../../src/db/versions.ts';
import { summarise } from '../../src/errors.ts';
import type { Enqueue } from '../../src/jobs/queues.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { countWords } from '../../src/retrieval/analyze.ts';
import { readWorkerConfig } from '../../workers/config.ts';
import type { Context } from '../../workers/context.ts';
import { ingestDocument } from '../../workers/ingestion/ingest-document.ts';
import { createParserPool } from '../../workers/ingestion/parse-isolated.ts';
import { pdf } from '../support/fixtures/ingestion/pdf.ts';
import { openTestDatabase } from '../support/stores.ts';
import { waitFor } from '../support/wait-for.ts';

const registryUrl = new URL('../support/fixtures/ingestion/hostile-registry.ts', import.meta.url).href;
const parsers = createParserPool({ timeoutMs: 60_000, memoryMb: 512, size: 1, registryUrl });
const enqueued: {
  name: string;
  payloads: readonly unknown[];
  priority: number | readonly number[] | undefined;
}[] = [];
const enqueue: Enqueue = async (name, payloads, options) => {
  enqueued.push({ name, payloads, priority: options?.priority });
  return true;
};

let folder: string;
let database: Database;
let context: Context;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dt-rag-test-'));
  const environment = { CHUNK_TOKENS: '60', CHUNK_OVERLAP_TOKENS: '15' };
  database = await openTestDatabase();
  // All of a context that ingestion touches; an access to anything else would fail.
  context = {
    config: { ...readConfig(environment), ...readWorkerConfig(environment) },
    db: database.db,
    enqueue,
    parsers,
    metrics: createMetrics(),
    log: createLog('silent'),
    signal: new AbortController().signal,
  } as Context;
});

afterEach(() => {
  vi.useRealTimers();
  enqueued.length = 0;
});

afterAll(async () => {
  parsers.close();
  await database?.close();
  await rm(folder, { recursive: true, force: true });
});

async function accept(
  content: NewDocument['content'],
  extra: { fileName?: string; externalId?: string; title?: string; pii?: NewDocument['pii'] } = {},
): Promise<VersionKey> {
  const attributes = {
    title: extra.title ?? null,
    source_url: null,
    author: null,
    language: null,
    taxonomy_path: [],
    metadata: {},
  };
  const item = {
    externalId: extra.externalId ?? null,
    attributes,
    priority: 3,
    contentType: extra.fileName ? 'application/octet-stream' : 'text/plain; charset=utf-8',
    fileName: extra.fileName ?? null,
    ...(extra.pii && { pii: extra.pii }),
    content,
  };
  const accepted = await database.db.transaction((trx) =>
    acceptDocuments(trx, [item], { apiKeyId: null, createPaths: true }),
  );
  const { documentId, version } = accepted[0] as VersionKey;
  return { documentId, version };
}

const where = ({ documentId, version }: VersionKey) => ({ document_id: documentId, version });
const versionOf = (key: VersionKey) => database.db('document_versions').where(where(key)).first();
const chunksOf = (key: VersionKey) => database.db('chunks').where(where(key)).orderBy('n');
const file = (text: string | Buffer) => ({ file: Buffer.from(text) });

/** Starts a version whose parser waits; resolves once it does. */
async function startWaiting(externalId: string) {
  const signal = join(folder, externalId);
  const key = await accept(file(`wait for ${signal}`), { fileName: 'a.txt', externalId });
  const outcome = ingestDocument.run(key, context).then(
    () => 'done',
    (error) => error.code,
  );
  await waitFor('the version is claimed', async () => (await versionOf(key)).status === 'parsing');
  return { key, outcome, proceed: () => writeFile(signal, '') };
}

describe('ingestDocument', () => {
  it('stores a text as chunks with exact offsets and index words, and asks for their vectors once', async () => {
    const text = `\r\n${'대한민국의 수도는 서울이다. 인구는 약 940만 명이다.\r\n Tea is served.  '.repeat(150)}`;
    const key = await accept({ text }, { title: '서울 안내' });
    await ingestDocument.run(key, context);

    const chunks = await chunksOf(key);
    expect(chunks.length).toBeGreaterThan(50);
    for (const [n, chunk] of chunks.entries()) {
      expect(chunk).toMatchObject({ n, live: false, page: null, heading: null });
      expect(chunk.text).toBe(text.slice(chunk.start_char, chunk.end_char));
      const { words, frequencies, word_count: wordCount } = chunk;
      expect({ words, frequencies, wordCount }).toEqual(countWords(`서울 안내\n\n${chunk.text}`));
    }
    expect(await versionOf(key)).toMatchObject({
      status: 'embedding',
      text,
      pages: [],
      found: { language: 'ko' },
      chunk_count: chunks.length,
      lease_token: null,
      error: null,
    });
    const batches = Array.from({ length: Math.ceil(chunks.length / 50) }, (_, batch) => ({ ...key, batch }));
    expect(batches.length).toBeGreaterThan(1);
    expect(enqueued).toMatchObject([{ name: 'embedChunks', payloads: batches }]);
    // The stride of priority 3 lies between one batch and the next.
    const places = enqueued.flatMap(({ priority }) => priority ?? []);
    expect(places).toEqual(batches.map((_, n) => (places[0] ?? 0) + 3 * n));
  });

  it('drops a second delivery, at the same time or later', async () => {
    const key = await accept({ text: 'Tea is served.' });
    await Promise.all([ingestDocument.run(key, context), ingestDocument.run(key, context)]);
    await ingestDocument.run(key, context);
    expect(enqueued).toHaveLength(1);
    expect(await chunksOf(key)).toHaveLength(1);
    expect((await versionOf(key)).attempts).toBe(1);
  });

  it('stores what a file says of itself, and reads its bytes again when it is tried again', async () => {
    const bytes = pdf(['Green tea.', 'Black tea.'], { Title: 'Teas', Author: 'Kim' });
    const key = await accept({ file: bytes }, { fileName: 'teas.pdf' });
    const expected = {
      status: 'embedding',
      text: 'Green tea.\n\nBlack tea.',
      pages: [
        { page: 1, start: 0, end: 12 },
        { page: 2, start: 12, end: 22 },
      ],
      found: { title: 'Teas', author: 'Kim', language: 'en' },
    };
    await ingestDocument.run(key, context);
    expect(await versionOf(key)).toMatchObject(expected);
    expect(await chunksOf(key)).toMatchObject([
      { page: 1, words: countWords(`Teas\n\n${expected.text}`).words },
    ]);

    await ingestDocument.giveUp?.(key, summarise(new Error('no vectors')), context);
    // Its chunks have been swept meanwhile.
    await database.db('chunks').where(where(key)).delete();
    await database.db('document_versions').where(where(key)).update({ status: 'queued' });
    await ingestDocument.run(key, context);
    expect(await versionOf(key)).toMatchObject(expected);
    expect(await chunksOf(key)).toHaveLength(1);
  });

  it('releases a version that cannot be read, and marks it failed when it is given up', async () => {
    const key = await accept({ file: pdf(['a']).subarray(0, 60) }, { fileName: 'a.pdf' });
    const error = await ingestDocument.run(key, context).catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'AppError', code: 'document_unreadable', retryable: false });
    const summary = { code: 'document_unreadable', detail: error.message, retryable: false };
    expect(await versionOf(key)).toMatchObject({ status: 'queued', lease_token: null, error: summary });

    await ingestDocument.giveUp?.(key, summarise(error), context);
    expect(await versionOf(key)).toMatchObject({ status: 'failed', error: summary });
    expect(await chunksOf(key)).toEqual([]);
    expect(enqueued).toEqual([]);
    await ingestDocument.run(key, context);
    expect((await versionOf(key)).status).toBe('failed');
  });

  it('writes nothing for a version that was cancelled while it was read', async () => {
    const { key, outcome, proceed } = await startWaiting('overtaken');
    await accept({ text: 'A newer version.' }, { externalId: 'overtaken' });
    await proceed();
    expect(await outcome).toBe('lease_lost');
    expect(await versionOf(key)).toMatchObject({
      status: 'cancelled',
      text: null,
      chunk_count: 0,
      error: null,
    });
    expect(await chunksOf(key)).toEqual([]);
    expect(enqueued).toEqual([]);
  });

  it('stops reading once it learns that its lease is lost', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { key, outcome } = await startWaiting('never there');
    await accept({ text: 'A newer version.' }, { externalId: 'never there' });
    vi.advanceTimersByTime(20_000);
    expect(await outcome).toBe('lease_lost');
    expect((await versionOf(key)).status).toBe('cancelled');
  });

  it('takes over from a worker whose lease ran out, which can write no more', async () => {
    const key = await accept({ text: 'Tea is served.' });
    const lost = await claimVersion(database.db, key);
    await ingestDocument.run(key, context);
    expect((await versionOf(key)).status).toBe('parsing');

    const expired = database.db.raw("now() - interval '1 second'");
    await database.db('document_versions').where(where(key)).update({ lease_until: expired });
    await ingestDocument.run(key, context);
    expect(await versionOf(key)).toMatchObject({ status: 'embedding', attempts: 2 });
    expect(await chunksOf(key)).toHaveLength(1);
    const late = storeParsed(database.db, key, lost?.token ?? '', {
      text: '',
      pages: [],
      found: {},
      chunks: [],
    });
    await expect(late).rejects.toMatchObject({ code: 'lease_lost' });
  });

  it('masks before pages and chunks are made, again when it is tried again', async () => {
    const bytes = pdf(['Call Kim, 010-1234-5678.', 'Black tea.'], { Title: 'To kim@example.com' });
    const key = await accept({ file: bytes }, { fileName: 'teas.pdf' });
    const expected = {
      text: 'Call Kim, [PHONE].\n\nBlack tea.',
      pages: [
        { page: 1, start: 0, end: 20 },
        { page: 2, start: 20, end: 30 },
      ],
      found: { title: 'To [EMAIL]', language: 'en' },
      pii: { policy: 'mask', found: { phone: 1, email: 1 } },
    };
    await ingestDocument.run(key, context);
    await ingestDocument.giveUp?.(key, summarise(new Error('no vectors')), context);
    expect(await database.db('blob_parts').where(where(key))).toHaveLength(1);
    await database.db('document_versions').where(where(key)).update({ status: 'queued' });
    await ingestDocument.run(key, context);
    expect(await versionOf(key)).toMatchObject(expected);
  });

  it('counts what a text had when it is tried again, which has only placeholders then', async () => {
    const key = await accept({ text: 'Call 010-1234-5678.' });
    await ingestDocument.run(key, context);
    await ingestDocument.giveUp?.(key, summarise(new Error('no vectors')), context);
    await database.db('document_versions').where(where(key)).update({ status: 'queued' });
    await ingestDocument.run(key, context);
    expect(await versionOf(key)).toMatchObject({
      text: 'Call [PHONE].',
      pii: { policy: 'mask', found: { phone: 1 } },
    });
  });

  it('says again why it was refused when the delivery comes again', async () => {
    const key = await accept(
      { file: Buffer.from('Call 010-1234-5678.') },
      { fileName: 'a.txt', pii: 'reject' },
    );
    for (let delivery = 0; delivery < 2; delivery += 1)
      await expect(ingestDocument.run(key, context)).rejects.toMatchObject({ code: 'pii_found' });
    expect(await database.db('blob_parts').where(where(key))).toEqual([]);
  });
});

describe('what was sent of versions that never went live', () => {
  const ended = async (content: NewDocument['content'], status: string, hours: number) => {
    const key = await accept(content, { fileName: 'a.txt' });
    const at = database.db.raw(`now() - ? * interval '1 hour'`, [hours]);
    await database.db('document_versions').where(where(key)).update({ status, updated_at: at });
    return key;
  };
  const kept = async (key: VersionKey) =>
    (await versionOf(key)).text !== null || (await database.db('blob_parts').where(where(key))).length > 0;

  it('goes at once when they were cancelled, and a day after they failed', async () => {
    const text = { text: 'Call 010-1234-5678.' };
    const gone = [
      ...[await ended(text, 'cancelled', 25), await ended(file('010-1234-5678'), 'cancelled', 25)],
      ...[await ended(text, 'failed', 25), await ended(file('010-1234-5678'), 'failed', 25)],
    ];
    const stay = [
      await ended(text, 'failed', 23),
      await ended(file('a'), 'cancelled', 1),
      await ended(text, 'queued', 99),
    ];
    const parts = readVersionText(database.db, (stay[0] as VersionKey).documentId, 1, undefined);
    expect((await parts.next()).done).toBe(true);
    expect(await sweepOriginals(database.db)).toBeGreaterThanOrEqual(gone.length);
    expect(await Promise.all(gone.map(kept))).toEqual([false, false, false, false]);
    expect(await Promise.all(stay.map(kept))).toEqual([true, true, true]);
    expect(await sweepOriginals(database.db)).toBe(0);
    const [again] = gone as [VersionKey];
    await database.db('document_versions').where(where(again)).update({ status: 'queued' });
    await expect(ingestDocument.run(again, context)).rejects.toMatchObject({
      code: 'document_unreadable',
      message: expect.stringContaining('send the document again'),
    });
  });
});
