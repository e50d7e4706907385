import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { VersionKey } from '../../src/db/versions.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { accept, chunked, ready } from '../support/ingest.ts';

let standIn: GeminiStandIn;
let bench: HandlerBench;
beforeAll(async () => {
  standIn = await startGeminiStandIn();
  bench = await openBench({
    ...{ EMBEDDING_PROVIDER: 'gemini', EMBEDDING_DIMENSIONS: '96' },
    ...{ GEMINI_API_KEY: 'a-key-of-the-stand-in', GEMINI_BASE_URL: standIn.url },
  });
});
afterAll(async () => {
  await bench.close();
  await standIn.close();
});
beforeEach(() => {
  standIn.requests.length = 0;
  standIn.script([]);
});

/** Every text that the model was paid for, in the order of the requests. */
const asked = () =>
  standIn.requests.flatMap(({ body }) =>
    (body.requests ?? []).map(({ content }) => content.parts.map(({ text }) => text).join('')),
  );
const reused = async () =>
  (await bench.context.metrics.vectorsReused.get()).values.reduce((sum, { value }) => sum + value, 0);
const chunksOf = async ({ documentId, version }: VersionKey): Promise<{ seq: number; embedding: string }[]> =>
  (
    await bench.context.db.raw(
      `select c.seq, x.embedding::text as embedding from chunks c left join chunk_vectors x on x.chunk_seq = c.seq
        where c.document_id = ? and c.version = ? order by c.n`,
      [documentId, version],
    )
  ).rows;
const embed = (key: VersionKey) => handlers.embedChunks.run({ ...key, batch: 0 }, bench.context);

const paragraph = (n: number) =>
  Array.from({ length: 8 }, (_, day) => `On day ${day} ferry ${n} crossed the strait ${n + day} times.`).join(
    ' ',
  );
const book = (...numbers: number[]) => numbers.map(paragraph).join('\n\n');

describe('a text that the model was asked about before', () => {
  it('is not sent again for another version, whose vectors are the same', async () => {
    const first = await ready(bench.context, { text: book(1, 2, 3), externalId: 'ferries' });
    const before = new Map((await chunksOf(first)).map((chunk, n) => [n, chunk]));
    const paid = asked().length;
    expect(paid).toBe(before.size);
    const [start, second] = [
      await reused(),
      await ready(bench.context, { text: book(1, 2, 4), externalId: 'ferries' }),
    ];
    expect(second).toEqual({ documentId: first.documentId, version: 2 });
    const after = await chunksOf(second);
    expect(after[0]?.embedding).toBe(before.get(0)?.embedding);
    expect(after.every(({ embedding }) => embedding !== null)).toBe(true);
    expect(asked().length - paid, 'what changed is new').toBeLessThan(after.length);
    expect(asked().length - paid + (await reused()) - start).toBe(after.length);
    expect(new Set(asked()).size).toBe(asked().length);
  });

  it('is not sent again when it returns after it was replaced, nor for another document', async () => {
    await ready(bench.context, { text: book(5), externalId: 'returns' });
    await ready(bench.context, { text: book(6), externalId: 'returns' });
    const paid = asked().length;
    const third = await ready(bench.context, { text: book(5), externalId: 'returns' });
    const other = await ready(bench.context, { text: book(6), externalId: 'another' });
    expect(third.version).toBe(3);
    expect(asked()).toHaveLength(paid);
    expect((await chunksOf(other)).every(({ embedding }) => embedding !== null)).toBe(true);
  });

  it('is sent once when many bring it at the same time, and when its document has it twice', async () => {
    const keys: VersionKey[] = [];
    for (const n of [1, 2, 3, 4])
      keys.push(await chunked(bench.context, { text: book(7), externalId: `same-${n}` }));
    standIn.script(() => ({ delayMs: 300 }));
    await Promise.all(keys.map(embed));
    for (const key of keys) await embed(key);
    for (const key of keys)
      expect((await chunksOf(key)).every(({ embedding }) => embedding !== null)).toBe(true);
    expect(new Set(asked()).size).toBe(asked().length);
    const { rows } = await bench.context.db.raw('select 1 from embedding_claims');
    expect(rows).toEqual([]);
  });

  it('is not sent again when the version it was sent for was replaced meanwhile', async () => {
    const key = await chunked(bench.context, { text: book(9), externalId: 'overtaken' });
    let answered: () => void = () => undefined;
    const overtaken = new Promise<void>((resolve) => {
      answered = resolve;
    });
    standIn.script(() => {
      answered();
      return { delayMs: 1500 };
    });
    const late = embed(key);
    await overtaken;
    const newer = await accept(bench.context, { text: book(9), title: '', externalId: 'overtaken' });
    expect(newer.version).toBe(2);
    await late;
    standIn.script([]);
    await handlers.ingestDocument.run(newer, bench.context);
    await embed(newer);
    expect((await chunksOf(newer)).every(({ embedding }) => embedding !== null)).toBe(true);
    expect(new Set(asked()).size).toBe(asked().length);
  });

  it('is free for the next try after the model failed', async () => {
    const key = await chunked(bench.context, { text: book(8), externalId: 'fails' });
    standIn.script([{ error: 500 }, { error: 500 }, { error: 500 }]);
    await expect(embed(key)).rejects.toMatchObject({ code: 'embedding_unavailable' });
    standIn.script([]);
    await embed(key);
    expect((await chunksOf(key)).every(({ embedding }) => embedding !== null)).toBe(true);
  });
});
