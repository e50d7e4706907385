import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acceptDocuments, acceptingTransaction, type NewDocument } from '../../src/db/accept-documents.ts';
import { beginEmbeddingTurn } from '../../src/db/turns.ts';
import { claimVersion, type VersionKey } from '../../src/db/versions.ts';
import { nudgeEmbedding, nudgeIngestion } from '../../src/jobs/nudge-versions.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { waitFor } from '../support/wait-for.ts';

let bench: HandlerBench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const attributes = {
  ...{ title: null, source_url: null, author: null, language: null },
  ...{ taxonomy_path: [], metadata: {} },
};
const note = (priority: number): NewDocument => ({
  ...{ externalId: null, attributes, priority, contentType: 'text/plain', fileName: null },
  content: { text: `A note of priority ${priority}.` },
});

/** Rows of so many documents, as one caller leaves them. */
async function accept(apiKeyId: string, priority: number, count: number): Promise<VersionKey[]> {
  const documents = Array.from({ length: count }, () => note(priority));
  return acceptingTransaction(bench.context.db, (trx) =>
    acceptDocuments(trx, documents, { apiKeyId, createPaths: true }),
  );
}

const send = async (apiKeyId: string, priority: number, count: number) => {
  const keys = await accept(apiKeyId, priority, count);
  await nudgeIngestion(bench.context, keys);
  return keys.map(({ documentId }) => documentId);
};

/** Does the work of a queue one job at a time, by `work`, until `enough` says so; gives the documents in order. */
async function consume(
  queue: 'ingestion' | 'embedding',
  work: (key: VersionKey & { batch: number }) => Promise<unknown>,
  enough: (done: readonly string[]) => boolean,
): Promise<string[]> {
  const done: string[] = [];
  const worker = bench.foundation.queues.openWorker(
    queue,
    async (job) => {
      await work(job.data);
      done.push(job.data.documentId);
    },
    { concurrency: 1 },
  );
  try {
    await waitFor('enough is done', () => enough(done));
    return [...done];
  } finally {
    await worker.close();
  }
}

const claim = (key: VersionKey) => claimVersion(bench.context.db, key);

/** The next test begins with nothing waiting. */
async function clear(): Promise<void> {
  for (const queue of bench.foundation.queues.list) await queue.drain(true);
  await bench.context.db('documents').delete();
}

describe('turns', () => {
  it('let a single document pass the bulk load of another key, however low its priority', async () => {
    const [bulk, single] = [randomUUID(), randomUUID()];
    for (let sent = 0; sent < 2000; sent += 500) await send(bulk, 10, 500);
    const [default5] = await send(single, 5, 1);
    const [lowest] = await send(single, 10, 1);
    const wanted = [default5, lowest] as string[];
    const done = await consume('ingestion', claim, (sofar) => wanted.every((id) => sofar.includes(id)));
    expect(done.indexOf(wanted[0] as string)).toBeLessThan(2);
    expect(done.indexOf(wanted[1] as string)).toBeLessThan(5);
    await clear();
  });

  it('let priority 1 go before 10, and yet none wait for ever', async () => {
    const [patient, urgent] = [randomUUID(), randomUUID()];
    const low = await send(patient, 10, 2);
    const high = await send(urgent, 1, 20);
    // Urgent work comes as fast as it is done.
    const keepComing = async (key: VersionKey) => {
      await claim(key);
      await send(urgent, 1, 1);
    };
    const [last] = low as [string];
    const done = await consume('ingestion', keepComing, (sofar) => sofar.includes(last));
    expect(new Set(done.slice(0, 20))).toEqual(new Set(high));
    expect(done.indexOf(last)).toBeLessThan(100);
    await clear();
  });

  it('hold for vectors too, batch by batch of a long document', async () => {
    const [bulk, single] = [randomUUID(), randomUUID()];
    const { db } = bench.context;
    const embed = async (apiKeyId: string, count: number, chunks: number) => {
      const keys = await accept(apiKeyId, 5, count);
      await db('document_versions')
        .whereIn(
          'document_id',
          keys.map(({ documentId }) => documentId),
        )
        .update({ status: 'embedding', chunk_count: chunks });
      await nudgeEmbedding(bench.context, keys);
      return keys.map(({ documentId }) => documentId);
    };
    await embed(bulk, 1, 1000);
    await embed(bulk, 50, 1);
    const [wanted] = await embed(single, 1, 1);
    const done = await consume(
      'embedding',
      (key) => beginEmbeddingTurn(db, key),
      (sofar) => sofar.includes(wanted as string),
    );
    expect(done.indexOf(wanted as string)).toBeLessThan(3);
    await clear();
  });

  it('survive the loss of the queue: rows know their place', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const many = await accept(a, 5, 20);
    await nudgeIngestion(bench.context, many);
    const [one] = await send(b, 5, 1);
    for (const queue of bench.foundation.queues.list) await queue.drain(true);
    // In whatever order they are found.
    const rows = await bench.context.db('document_versions').select('document_id', 'version');
    const keys = rows.map((row) => ({ documentId: row.document_id, version: row.version }));
    await nudgeIngestion(bench.context, keys);
    const done = await consume('ingestion', claim, (sofar) => sofar.length >= 21);
    expect(done.indexOf(one as string)).toBeLessThan(2);
    expect(done.filter((id) => id !== one)).toEqual(many.map(({ documentId }) => documentId));
    await clear();
  });
});
