import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { acceptDocuments } from '../../src/db/accept-documents.ts';
import type { Database } from '../../src/db/connect.ts';
import { createVersionWriter } from '../../src/db/store-chunks.ts';
import { readVersionText } from '../../src/db/version-text.ts';
import { claimVersion, type VersionKey } from '../../src/db/versions.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { readWorkerConfig } from '../../workers/config.ts';
import type { Context } from '../../workers/context.ts';
import { ingestDocument } from '../../workers/ingestion/ingest-document.ts';
import { createParserPool } from '../../workers/ingestion/parse-isolated.ts';
import { openTestDatabase } from '../support/stores.ts';

const parsers = createParserPool({ timeoutMs: 120_000, memoryMb: 512, size: 1 });
let database: Database;
let context: Context;

beforeAll(async () => {
  database = await openTestDatabase();
  const environment = { MAX_DOCUMENT_CHARACTERS: '3000000' };
  context = {
    config: { ...readConfig(environment), ...readWorkerConfig(environment) },
    db: database.db,
    enqueue: async () => true,
    parsers,
    metrics: createMetrics(),
    log: createLog('silent'),
    signal: new AbortController().signal,
  } as unknown as Context;
});

afterAll(async () => {
  parsers.close();
  await database?.close();
});

const line = (n: number) => `The keeper noted ship ${n} 🚢 at the light; 등대지기는 배 ${n}척을 세었다.\n`;
const lines = (count: number) => Array.from({ length: count }, (_, n) => line(n)).join('');
/** About 2.2 million bytes: more than two pieces. */
const long = lines(25_000);

async function accept(text: string): Promise<VersionKey> {
  const attributes = {
    ...{ title: null, source_url: null, author: null, language: null },
    taxonomy_path: [],
    metadata: {},
  };
  const item = {
    ...{ externalId: null, attributes, priority: 5, contentType: 'text/plain', fileName: 'log.txt' },
    content: { file: Buffer.from(text) },
  };
  const [accepted] = await database.db.transaction((trx) =>
    acceptDocuments(trx, [item], { apiKeyId: null, createPaths: false }),
  );
  const { documentId, version } = accepted as VersionKey;
  return { documentId, version };
}

const where = ({ documentId, version }: VersionKey) => ({ document_id: documentId, version });
const versionOf = (key: VersionKey) => database.db('document_versions').where(where(key)).first();
async function textOf({ documentId, version }: VersionKey): Promise<string[]> {
  const parts: string[] = [];
  for await (const part of readVersionText(database.db, documentId, version, undefined)) parts.push(part);
  return parts;
}

/** That the version is whole: the text as it came, in several parts, and every chunk once, in order and a slice of it. */
async function expectWhole(key: VersionKey): Promise<void> {
  const parts = await textOf(key);
  expect(parts.length).toBeGreaterThan(1);
  const text = parts.join('');
  expect(text).toBe(long.trimEnd());
  const chunks = await database.db('chunks').where(where(key)).orderBy('n');
  expect(chunks.map(({ n }) => n)).toEqual(chunks.map((_, n) => n));
  let covered = 0;
  for (const chunk of chunks) {
    expect(chunk.text).toBe(text.slice(chunk.start_char, chunk.end_char));
    expect(text.slice(covered, chunk.start_char).trim(), 'nothing is left out').toBe('');
    covered = Math.max(covered, chunk.end_char);
  }
  expect(text.slice(covered).trim()).toBe('');
  expect(await versionOf(key)).toMatchObject({
    ...{ status: 'embedding', text: null, chunk_count: chunks.length, lease_token: null },
    found: { language: 'ko' },
  });
}

describe('a text of several windows', () => {
  it('is stored in parts, its chunks as of one text', async () => {
    const key = await accept(long);
    await ingestDocument.run(key, context);
    await expectWhole(key);
  });

  it('begins anew after a try that ended half way, whose worker can write no more', async () => {
    const key = await accept(long);
    const lost = await claimVersion(database.db, key);
    const writer = createVersionWriter(database.db, key, lost?.token ?? '');
    const chunk = {
      page: null,
      heading: null,
      context: null,
      gap: null,
      words: ['old'],
      frequencies: [1],
      wordCount: 1,
    };
    for (const text of ['old one', 'old two', 'old three'])
      await writer.add({ text, chunks: [{ ...chunk, text, start: 0, end: text.length }] });
    expect(await database.db('chunks').where(where(key))).toHaveLength(2);
    expect(await textOf(key), 'a beginning is not shown').toEqual([]);

    const expired = database.db.raw("now() - interval '1 second'");
    await database.db('document_versions').where(where(key)).update({ lease_until: expired });
    await ingestDocument.run(key, context);
    await expectWhole(key);
    await expect(writer.add({ text: 'late', chunks: [] })).rejects.toMatchObject({ code: 'lease_lost' });
    await expect(writer.end({ pages: [], found: {} })).rejects.toMatchObject({ code: 'lease_lost' });
    await expectWhole(key);
  });

  it('beyond the limit is refused, however far it got, and shows nothing of itself', async () => {
    const key = await accept(long + long);
    const error = await ingestDocument.run(key, context).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'document_too_large', retryable: false });
    expect(await textOf(key)).toEqual([]);
  });

  it('goes with its document', async () => {
    const key = await accept(long);
    await ingestDocument.run(key, context);
    await database.db('documents').where({ id: key.documentId }).delete();
    for (const table of ['text_parts', 'chunks', 'blob_parts'])
      expect(await database.db(table).where(where(key))).toEqual([]);
  });
});
