import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Embedder } from '../../src/models/embedder.ts';
import { openEmbedder } from '../../src/models/embedders.ts';
import { createGeminiEmbedder } from '../../src/models/gemini.ts';
import { type Behaviour, type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';

const apiKey = 'key-that-must-stay-secret';

let standIn: GeminiStandIn;
let embedder: Embedder;

beforeAll(async () => {
  standIn = await startGeminiStandIn({ apiKey });
  embedder = createGeminiEmbedder({ apiKey, baseUrl: standIn.url, dimensions: 256 });
});
beforeEach(() => standIn.script([]));
afterAll(() => standIn.close());

describe('what goes over the wire', () => {
  it('names the task and the size of the vectors', async () => {
    await embedder.embed(['what?'], { task: 'query' });
    await embedder.embed(['this.', 'that.'], { task: 'passage' });
    const [query, passages] = standIn.requests.slice(-2);
    const common = { model: 'models/gemini-embedding-001', outputDimensionality: 256 };
    expect(query?.action).toBe('batchEmbedContents');
    expect(query?.body.requests).toMatchObject([{ ...common, taskType: 'RETRIEVAL_QUERY' }]);
    expect(passages?.body.requests).toMatchObject([
      { ...common, taskType: 'RETRIEVAL_DOCUMENT', content: { parts: [{ text: 'this.' }] } },
      { ...common, taskType: 'RETRIEVAL_DOCUMENT', content: { parts: [{ text: 'that.' }] } },
    ]);
  });
});

describe('a failure is embedding_unavailable', () => {
  const faults: [Behaviour, number | undefined][] = [
    [{ error: 429, retryDelay: '30s' }, 30],
    [{ error: 429 }, undefined],
    [{ error: 500 }, undefined],
    [{ error: 503 }, undefined],
    ['cut', undefined],
    ['broken json', undefined],
  ];
  it.each(faults)('with the fault %j', async (behaviour, retryAfter) => {
    standIn.script(() => behaviour);
    await expect(embedder.embed(['a'], { task: 'query' })).rejects.toMatchObject({
      name: 'AppError',
      code: 'embedding_unavailable',
      retryAfter,
    });
    standIn.script([]);
    expect(await embedder.embed(['a'], { task: 'query' }), 'the next call works again').toHaveLength(1);
  });

  it.each(faults)(
    'met once, with %j: a question is asked again where that can help, passages are left to their job',
    async (behaviour) => {
      const limited = typeof behaviour === 'object' && 'error' in behaviour && behaviour.error === 429;
      const before = standIn.requests.length;
      standIn.script([behaviour]);
      const asked = embedder.embed(['a'], { task: 'query' });
      if (limited) await expect(asked).rejects.toMatchObject({ code: 'embedding_unavailable' });
      else expect(await asked).toHaveLength(1);
      expect(standIn.requests.length - before).toBe(limited ? 1 : 2);
      standIn.script([behaviour]);
      await expect(embedder.embed(['a'], { task: 'passage' })).rejects.toMatchObject({
        code: 'embedding_unavailable',
      });
      expect(standIn.requests.length - before).toBe(limited ? 2 : 3);
    },
  );

  it('when it takes too long', async () => {
    standIn.script(['hang']);
    const impatient = createGeminiEmbedder({ apiKey, baseUrl: standIn.url, timeoutMs: 50 });
    await expect(impatient.embed(['a'], { task: 'query' })).rejects.toMatchObject({
      code: 'embedding_unavailable',
      message: 'The embedding model did not answer in time.',
    });
  });

  it('when it is closed meanwhile', async () => {
    const closing = createGeminiEmbedder({ apiKey, baseUrl: standIn.url });
    standIn.script(() => {
      void closing.close();
      return 'hang';
    });
    await expect(closing.embed(['a'], { task: 'query' })).rejects.toMatchObject({
      code: 'embedding_unavailable',
    });
  });

  it('without a key', async () => {
    await expect(openEmbedder({ provider: 'gemini' })).rejects.toMatchObject({
      code: 'embedding_unavailable',
    });
  });

  it('and never tells the key', async () => {
    const key = 'another-secret-key';
    const wrong = createGeminiEmbedder({ apiKey: key, baseUrl: standIn.url });
    const error = await wrong.embed(['a'], { task: 'query' }).catch((error) => error);
    expect(error.code).toBe('embedding_unavailable');
    expect(`${error.stack} ${error.cause.stack}`).not.toContain(key);
  });
});
