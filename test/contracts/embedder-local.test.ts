import { cp, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Embedder } from '../../src/models/embedder.ts';
import { openLocalEmbedder } from '../../src/models/local.ts';
import { openLocalModel } from '../../src/models/local-model.ts';
import { findModel } from '../../src/models/model-files.ts';

const passage =
  'The boundary layer of a flat plate at zero incidence grows with the root of the distance. '.repeat(8);
const passages = Array.from({ length: 40 }, (_, i) => `${i} ${passage}`);

let threads: Worker[] = [];
const noteThread = (worker: Worker) => threads.push(worker);
beforeAll(() => {
  process.on('worker', noteThread);
});
afterAll(() => {
  process.off('worker', noteThread);
});

describe('the local embedder', () => {
  let embedder: Embedder;
  beforeAll(async () => {
    threads = [];
    embedder = await openLocalEmbedder();
  });
  afterAll(() => embedder.close());

  it('computes on one thread of its own', () => {
    expect(threads).toHaveLength(1);
    expect(embedder).toMatchObject({ model: 'all-MiniLM-L6-v2-q4@384', dimensions: 384, maxBatch: 50 });
  });

  it('lets a question overtake the passages that wait', async () => {
    const order: string[] = [];
    const long = embedder.embed(passages, { task: 'passage' }).then(() => order.push('passages'));
    const short = embedder.embed(['how thick is it?'], { task: 'query' }).then(() => order.push('query'));
    await Promise.all([long, short]);
    expect(order).toEqual(['query', 'passages']);
  });

  it('fails the call under way when its thread dies, and starts another thread for the next', async () => {
    const [before] = await embedder.embed(['the same'], { task: 'query' });
    const dying = embedder.embed(passages, { task: 'passage' });
    // A message that it does not understand is its end. Terminated from outside, it would take the process along now and then:
    // the inference library does not expect to lose its thread in the middle of a run.
    threads.at(-1)?.postMessage(null);
    await expect(dying).rejects.toMatchObject({ name: 'AppError', code: 'embedding_unavailable' });
    const [after] = await embedder.embed(['the same'], { task: 'query' });
    expect(after).toEqual(before);
    expect(threads).toHaveLength(2);
  });

  it('lets what is under way end when it is closed, and rejects what waits', async () => {
    const closing = await openLocalEmbedder();
    const working = closing.embed(['short'], { task: 'query' });
    const waiting = closing.embed(passages, { task: 'passage' });
    const closed = closing.close();
    await expect(waiting).rejects.toMatchObject({ code: 'embedding_unavailable' });
    expect(await working).toHaveLength(1);
    await closed;
  });
});

describe('a model folder', () => {
  let folder: string;
  beforeAll(async () => {
    const { onnx } = await findModel();
    folder = join(await mkdtemp(join(tmpdir(), 'model-')), 'my-model');
    await cp(dirname(dirname(onnx)), folder, { recursive: true });
  });
  afterAll(() => rm(dirname(folder), { recursive: true }));

  it('may be any, and is named by its folder', async () => {
    const own = await openLocalEmbedder({ folder });
    const carried = await openLocalEmbedder();
    expect(own.model).toBe('my-model-q4@384');
    const options = { task: 'query' } as const;
    expect(await own.embed(['a text'], options)).toEqual(await carried.embed(['a text'], options));
    await Promise.all([own.close(), carried.close()]);
  });

  it('can say what to put before questions and passages', async () => {
    const prompts = { query: 'query: ', document: 'passage: ' };
    await writeFile(join(folder, 'config_sentence_transformers.json'), JSON.stringify({ prompts }));
    const prompted = await openLocalEmbedder({ folder });
    const plain = await openLocalEmbedder();
    const [query] = await prompted.embed(['text'], { task: 'query' });
    const [spelled] = await plain.embed(['query: text'], { task: 'query' });
    expect(query).toEqual(spelled);
    await Promise.all([prompted.close(), plain.close()]);
    await rm(join(folder, 'config_sentence_transformers.json'));
  });

  it('without a model is refused', async () => {
    await expect(openLocalEmbedder({ folder: tmpdir() })).rejects.toMatchObject({
      code: 'embedding_unavailable',
      message: 'The model folder holds no model*.onnx.',
    });
  });

  it('whose weights are not the ones expected is refused', async () => {
    const weights = join(folder, 'onnx/model_q4.onnx_data');
    const files = { ...(await findModel(folder)), checksums: { [weights]: '0'.repeat(64) } };
    await expect(openLocalModel({ files, maxTokens: 256, threads: 1 })).rejects.toMatchObject({
      code: 'embedding_unavailable',
      message: 'The model file model_q4.onnx_data is not the one expected: its sha256 differs.',
    });
  });

  it('with damaged weights is refused without a path in the message', async () => {
    await truncate(join(folder, 'onnx/model_q4.onnx_data'), 1000);
    await expect(openLocalEmbedder({ folder })).rejects.toMatchObject({
      code: 'embedding_unavailable',
      message: 'The embedding model has failed.',
    });
  });
});
