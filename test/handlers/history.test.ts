import { afterAll, beforeAll, expect, it } from 'vitest';
import { acceptDocuments, acceptingTransaction, type NewDocument } from '../../src/db/accept-documents.ts';
import { findVersion, listVersionsOf } from '../../src/db/history.ts';
import { restoreVersion } from '../../src/db/restore-version.ts';
import type { VersionKey } from '../../src/db/versions.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import * as ingest from '../support/ingest.ts';

let bench: HandlerBench;
let context: Context;
beforeAll(async () => {
  bench = await openBench({ VERSIONS_KEPT: '2' });
  context = bench.context;
});
afterAll(() => bench.close());

async function acceptFile(text: string, year: number, title: string | null = null): Promise<VersionKey> {
  const attributes = {
    ...{ title, source_url: null, author: null, language: null, taxonomy_path: [] },
    metadata: { year },
  };
  const document: NewDocument = {
    ...{ externalId: 'almanac', attributes, priority: 5, contentType: 'text/plain', fileName: 'almanac.txt' },
    content: { file: Buffer.from(text) },
  };
  const [accepted] = await acceptingTransaction(context.db, (trx) =>
    acceptDocuments(trx, [document], { apiKeyId: null, createPaths: true }),
  );
  const { documentId, version } = accepted as NonNullable<typeof accepted>;
  return { documentId, version };
}
const ingestAndEmbed = async (key: VersionKey) => {
  await handlers.ingestDocument.run(key, context);
  await handlers.embedChunks.run({ ...key, batch: 0 }, context);
};
const forgetBytes = ({ documentId, version }: VersionKey) =>
  context.db('blob_parts').where({ document_id: documentId, version }).delete();
const newest = { before: undefined, limit: 10, access: undefined };
const statusOf = async ({ documentId, version }: VersionKey) =>
  (await findVersion(context.db, documentId, version, undefined))?.status;

it('content that is there already is not parsed again', async () => {
  const text = 'The moon rises late. '.repeat(60);
  const first = await acceptFile(text, 2023);
  await ingestAndEmbed(first);
  const second = await acceptFile(text, 2024);
  // Without its bytes it could not be parsed.
  await forgetBytes(second);
  await ingestAndEmbed(second);
  expect([second.version, await statusOf(second)]).toEqual([2, 'ready']);
  const { rows } = await context.db.raw(
    `select v.version, v.text, v.chunk_count, count(c.seq)::int as chunks, count(p.*)::int > 0 as posted, count(distinct x.chunk_seq)::int as vectors
       from document_versions v left join chunks c using (document_id, version) left join postings p on p.chunk_seq = c.seq
       left join chunk_vectors x on x.chunk_seq = c.seq
      where v.document_id = ? group by 1, 2, 3 order by 1`,
    [first.documentId],
  );
  const [old, live] = rows;
  expect(live.chunk_count).toBeGreaterThan(2);
  expect(live).toMatchObject({ text: old.text, posted: true, vectors: live.chunk_count });
  expect(old).toMatchObject({ chunk_count: live.chunk_count, chunks: 0, vectors: 0 });

  const other = await acceptFile(text, 2024, 'Another title stands in every chunk');
  await forgetBytes(other);
  await expect(handlers.ingestDocument.run(other, context), 'words and vectors change').rejects.toMatchObject(
    {
      code: 'document_unreadable',
    },
  );
});

it('keeps the content of so many versions, and the history of all', async () => {
  const note = (n: number) => ({ text: `Edition ${n} of the gazette.`, externalId: 'gazette' });
  const { documentId } = await ingest.ready(context, note(1));
  for (const n of [2, 3, 4]) await ingest.ready(context, note(n));
  await handlers.sweepExpired.run({}, context);
  const versions = await listVersionsOf(context.db, documentId, newest);
  expect(versions.map(({ version, swept_at, live }) => [version, swept_at === null, live])).toEqual([
    [4, true, true],
    [3, true, false],
    [2, false, false],
    [1, false, false],
  ]);
  const { rows } = await context.db.raw(
    `select (select array_agg(version order by version) from document_versions where document_id = :id and text is not null) as texts,
            (select array_agg(version) from kept_vectors where document_id = :id) as vectors`,
    { id: documentId },
  );
  expect(rows).toEqual([{ texts: [3, 4], vectors: [3] }]);
  const restore = (n: number) =>
    acceptingTransaction(context.db, (trx) => restoreVersion(trx, documentId, n, { apiKeyId: null }));
  await expect(restore(1)).rejects.toMatchObject({ code: 'conflict' });
  expect(await listVersionsOf(context.db, documentId, newest), 'nothing was changed').toEqual(versions);
  expect(await restore(3)).toMatchObject({ version: 5, outcome: 'accepted' });
});

it('a live version keeps its content however old it is', async () => {
  const live = await ingest.ready(context, { text: 'The bell rings at six.', externalId: 'bell' });
  const error = { code: 'document_unreadable', detail: 'It could not be read.', retryable: false } as const;
  for (const n of [2, 3, 4]) {
    const key = await ingest.accept(context, { text: `Broken ${n}.`, externalId: 'bell' });
    await handlers.ingestDocument.giveUp?.(key, error, context);
  }
  await handlers.sweepExpired.run({}, context);
  const versions = await listVersionsOf(context.db, live.documentId, newest);
  expect(versions.map(({ version, swept_at }) => [version, swept_at === null])).toEqual([
    [4, true],
    [3, true],
    [2, false],
    [1, true],
  ]);
});
