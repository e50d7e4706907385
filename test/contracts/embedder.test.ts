import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Embedder, EmbeddingTask } from '../../src/models/embedder.ts';
import { type EmbeddingProvider, embeddingProviders, openEmbedder } from '../../src/models/embedders.ts';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';

const texts = [
  'The liver breaks down alcohol.',
  'Supersonic flow past a blunt body forms a detached shock wave.',
  'Bake the bread for forty minutes, until the crust is dark and the loaf sounds hollow when it is tapped from below.',
  'Alcohol is metabolised mostly in the liver.',
  '',
  'x'.repeat(5000),
  'the same words again and again '.repeat(300),
];

let standIn: GeminiStandIn;
beforeAll(async () => {
  standIn = await startGeminiStandIn();
});
afterAll(() => standIn.close());

// A provider that is registered but has no line here does not compile.
const open: Record<EmbeddingProvider, () => Promise<Embedder>> = {
  local: () => openEmbedder({ provider: 'local' }),
  gemini: () => openEmbedder({ provider: 'gemini', geminiApiKey: 'a-key', geminiBaseUrl: standIn.url }),
};

function cosine(a: ArrayLike<number> = [], b: ArrayLike<number> = []): number {
  return Array.from(a).reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
}

describe.each(Object.keys(embeddingProviders) as EmbeddingProvider[])('the embedder %s', (provider) => {
  let embedder: Embedder;
  let batch: Float32Array[];
  const one = async (text: string, task: EmbeddingTask = 'passage') =>
    (await embedder.embed([text], { task }))[0];

  beforeAll(async () => {
    embedder = await open[provider]();
    batch = await embedder.embed(texts, { task: 'passage' });
  });
  afterAll(() => embedder.close());

  it('names its model with its dimensions', () => {
    expect(embedder.model).toMatch(/^[\w.-]+@\d+$/);
    expect(embedder.model.endsWith(`@${embedder.dimensions}`)).toBe(true);
  });

  it('gives one vector of length 1 a text, whatever the text', () => {
    expect(batch).toHaveLength(texts.length);
    for (const vector of batch) {
      expect(vector).toBeInstanceOf(Float32Array);
      expect(vector).toHaveLength(embedder.dimensions);
      expect(cosine(vector, vector)).toBeCloseTo(1, 5);
    }
  });

  it('keeps the order, and gives a text in a batch the vector that it has alone', async () => {
    for (const [i, text] of texts.entries()) {
      expect(cosine(await one(text), batch[i]), text.slice(0, 40)).toBeGreaterThan(1 - 1e-3);
    }
  });

  it('puts what belongs together nearer than what does not', async () => {
    const query = await one('Which organ metabolises alcohol in the body?', 'query');
    expect(cosine(query, batch[3])).toBeGreaterThan(cosine(query, batch[1]) + 0.1);
    expect(cosine(batch[0], batch[3])).toBeGreaterThan(cosine(batch[0], batch[2]));
  });

  it('takes a full batch and nothing, but not more', async () => {
    const full = Array.from({ length: embedder.maxBatch }, (_, i) => `text number ${i}`);
    expect(await embedder.embed(full, { task: 'passage' })).toHaveLength(full.length);
    expect(await embedder.embed([], { task: 'query' })).toEqual([]);
    await expect(embedder.embed([...full, 'one more'], { task: 'passage' })).rejects.toThrow(RangeError);
  });

  it('serves calls at the same time without mixing them up', async () => {
    const answers = await Promise.all(texts.slice(0, 4).map((text) => one(text)));
    for (const [i, answer] of answers.entries()) expect(cosine(answer, batch[i])).toBeGreaterThan(1 - 1e-3);
  });

  it('rejects with the abort reason, before and meanwhile', async () => {
    const reason = new Error('the job was cancelled');
    await expect(embedder.embed(['a'], { task: 'query', signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const aborting = new AbortController();
    const work = embedder.embed(texts, { task: 'passage', signal: aborting.signal });
    aborting.abort(reason);
    await expect(work).rejects.toBe(reason);
    expect(cosine(await one(texts[0] ?? ''), batch[0]), 'the next call works').toBeGreaterThan(1 - 1e-3);
  });

  it('reads English', () => {
    expect(embedder.reads('Which organ metabolises alcohol?')).toBeGreaterThan(0.9);
  });

  it('rejects after it is closed, and may be closed twice', async () => {
    const closing = await open[provider]();
    await closing.close();
    await closing.close();
    await expect(closing.embed(['a'], { task: 'query' })).rejects.toMatchObject({
      code: 'embedding_unavailable',
    });
  });
});
