import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agreeOnGeneration } from '../../src/agree-on-generation.ts';
import { saveVectors } from '../../src/db/embeddings.ts';
import { beginReclaim, switchGeneration } from '../../src/db/generation-switch.ts';
import { claimMissing, findLostGenerations } from '../../src/db/generation-work.ts';
import { findGeneration, findGenerationOf } from '../../src/db/generations.ts';
import { bm25Defaults } from '../../src/db/search-words.ts';
import { startGeneration } from '../../src/generations.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { Embedder } from '../../src/models/embedder.ts';
import { createEmbedderPool } from '../../src/models/embedder-pool.ts';
import { createSearch } from '../../src/retrieval/search.ts';
import type { Context } from '../../workers/context.ts';
import { handlers } from '../../workers/handlers.ts';
import { type HandlerBench, openBench } from '../support/context.ts';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { ready as makeReady } from '../support/ingest.ts';
import type { Json } from '../support/service.ts';

const GEMINI_API_KEY = 'a-key-of-the-stand-in';

let standIn: GeminiStandIn;
let bench: HandlerBench;
let context: Context;
let gemini: Embedder;
let local: Embedder;

beforeAll(async () => {
  standIn = await startGeminiStandIn();
  bench = await openBench({ GEMINI_API_KEY, GEMINI_BASE_URL: standIn.url });
  context = bench.context;
  local = await context.embedders.configured();
  gemini = await context.embedders.open({ provider: 'gemini', dimensions: 96 });
  for (let n = 0; n < 3; n++) await addReady(`Gate ${n}. ${`Lantern ${n} burns by night. `.repeat(120)}`);
});
afterAll(async () => {
  await bench.close();
  await standIn.close();
});
beforeEach(() => standIn.script([]));

const rows = async (sql: string, bindings: Record<string, unknown> = {}): Promise<Json[]> =>
  (await context.db.raw(sql, bindings)).rows;
const vectorsOf = async (model: string): Promise<number> =>
  (await rows('select count(*)::int as n from chunk_vectors where model = :model', { model }))[0].n;
const liveChunks = async (): Promise<number> =>
  (await rows('select count(*)::int as n from chunks where live'))[0].n;
const statusOf = async (id: string) => (await findGeneration(context.db, id))?.status;

const addReady = (text: string) => makeReady(context, { text, title: 'Gates' });

/** A generation of the stand-in's model that waits to be built, whatever became of one before. */
async function begin(): Promise<string> {
  const before = await findGenerationOf(context.db, gemini.model);
  if (before) {
    await beginReclaim(context.db, before.id);
    await handlers.reclaimGeneration.run({ generationId: before.id }, context);
  }
  const model = { provider: 'gemini', model: gemini.model, dimensions: gemini.dimensions };
  const deps = {
    db: context.db,
    enqueue: context.enqueue,
    prices: new Map(),
    chunkContext: 'headings' as const,
  };
  return (await startGeneration(deps, randomUUID(), model)).id;
}

const build = (generationId: string, slot = 0) =>
  handlers.buildGeneration.run({ generationId, slot, turn: 0 }, context);

const endWait = (id: string) =>
  context
    .db('embedding_generations')
    .where({ id })
    .update({ wait_until: context.db.raw(`now() - interval '1 second'`) });

async function ready(): Promise<string> {
  const id = await begin();
  await build(id);
  await handlers.compareGeneration.run({ generationId: id }, context);
  return id;
}

describe('buildGeneration', () => {
  it('gives every live chunk one vector, however many deliveries there are', async () => {
    const id = await begin();
    expect(await bench.waiting('buildGeneration')).toHaveLength(4);
    await Promise.all([0, 1, 2, 3].map((slot) => build(id, slot)));
    expect(await vectorsOf(gemini.model)).toBe(await liveChunks());
    expect(await statusOf(id)).toBe('comparing');
    const asked = standIn.requests.length;
    await build(id);
    expect([standIn.requests.length, await vectorsOf(gemini.model)]).toEqual([asked, await liveChunks()]);
  });

  it('goes on where a worker that was killed stopped', async () => {
    const id = await begin();
    const dead = await claimMissing(context.db, gemini.model, 0, 5);
    expect(dead.chunks).toHaveLength(5);
    await build(id);
    expect(await vectorsOf(gemini.model)).toBe((await liveChunks()) - 5);
    expect(await statusOf(id), 'what the dead one holds is missing').toBe('building');
    await context
      .db('chunks')
      .where('embed_token', dead.token)
      .update({ embed_until: context.db.raw(`now() - interval '1 second'`) });
    await build(id);
    expect([await vectorsOf(gemini.model), await statusOf(id)]).toEqual([await liveChunks(), 'comparing']);
    const made = dead.chunks.map((chunk) => ({ chunk, hash: '00', vector: new Float32Array(96) }));
    expect(await saveVectors(context.db, dead.token, gemini.model, made)).toBe(0);
  });

  it('is nudged again when its jobs were lost, at whichever stage', async () => {
    const id = await begin();
    const standStill = () =>
      context
        .db('embedding_generations')
        .where({ id })
        .update({ updated_at: context.db.raw(`now() - interval '21 seconds'`) });
    await standStill();
    expect(await findLostGenerations(context.db)).toEqual({ build: [id], compare: [], reclaim: [] });
    await build(id);
    await standStill();
    expect(await findLostGenerations(context.db)).toEqual({ build: [], compare: [id], reclaim: [] });
    await handlers.compareGeneration.run({ generationId: id }, context);
    await standStill();
    expect(await findLostGenerations(context.db), 'it is done').toEqual({
      build: [],
      compare: [],
      reclaim: [],
    });
    await beginReclaim(context.db, id);
    await standStill();
    expect(await findLostGenerations(context.db)).toEqual({ build: [], compare: [], reclaim: [id] });
  });

  it('waits alone for a provider that documents do not need, and documents do not ask it meanwhile', async () => {
    const id = await begin();
    standIn.script([{ error: 429, retryDelay: '7s' }]);
    await build(id);
    expect(await bench.waiting('buildGeneration')).toContainEqual({ generationId: id, slot: 0, turn: 1 });
    expect(await rows('select 1 from chunks where embed_until is not null')).toEqual([]);
    const asked = standIn.requests.length;
    await build(id, 1);
    await addReady('The model that is over its limit is not asked to read of the curlew.');
    expect(standIn.requests.length).toBe(asked);
    expect(await findGeneration(context.db, id)).toMatchObject({
      status: 'building',
      error: { code: 'embedding_unavailable' },
    });
    const stoodStill = { updated_at: context.db.raw(`now() - interval '2 minutes'`) };
    await context.db('embedding_generations').where({ id }).update(stoodStill);
    expect((await findLostGenerations(context.db)).build, 'it is not lost').toEqual([]);
    await endWait(id);
    expect((await findLostGenerations(context.db)).build).toEqual([id]);
    await build(id);
    expect(await findGeneration(context.db, id)).toMatchObject({ status: 'comparing', error: null });
    standIn.script(() => ({ error: 429, retryDelay: '7s' }));
    await handlers.compareGeneration.run({ generationId: id }, context);
    await context.db('embedding_generations').where({ id }).update(stoodStill);
    expect((await findLostGenerations(context.db)).compare).toEqual([]);
    await endWait(id);
    expect((await findLostGenerations(context.db)).compare).toEqual([id]);
  });

  it('passes on when to come back where documents need the provider too, and keeps what it has', async () => {
    const id = await begin();
    const providerOfLive = (provider: string) =>
      context.db('embedding_generations').where({ status: 'live' }).update({ provider });
    standIn.script([{ error: 429, retryDelay: '7s' }]);
    await providerOfLive('gemini');
    await expect(build(id)).rejects.toMatchObject({ code: 'embedding_unavailable', retryAfter: 7 });
    await providerOfLive('local');
    expect(await rows('select 1 from chunks where embed_until is not null')).toEqual([]);
    const gaveUp = { code: 'gave_up', detail: 'Given up.', retryable: false } as const;
    await handlers.buildGeneration.giveUp?.({ generationId: id, slot: 0, turn: 0 }, gaveUp, context);
    expect(await findGeneration(context.db, id)).toMatchObject({ status: 'building', error: gaveUp });
    await build(id);
    expect(await findGeneration(context.db, id)).toMatchObject({ status: 'comparing', error: null });
  });

  it('is failed by what can not pass, and goes on when asked for again', async () => {
    const id = await begin();
    const error = { code: 'validation_failed', detail: 'No.', retryable: false } as const;
    await handlers.buildGeneration.giveUp?.({ generationId: id, slot: 0, turn: 0 }, error, context);
    expect(await statusOf(id)).toBe('failed');
    const model = { provider: 'gemini', model: gemini.model, dimensions: gemini.dimensions };
    const deps = {
      db: context.db,
      enqueue: context.enqueue,
      prices: new Map([['gemini-embedding-001', 2]]),
      chunkContext: 'headings' as const,
    };
    const other = { provider: 'gemini', model: 'gemini-embedding-001@80', dimensions: 80 };
    const between = await startGeneration(deps, randomUUID(), other);
    await expect(startGeneration(deps, randomUUID(), model), 'one at a time').rejects.toMatchObject({
      code: 'conflict',
    });
    await beginReclaim(context.db, between.id);
    const again = await startGeneration(deps, randomUUID(), model);
    expect((await startGeneration(deps, again.id, model)).id, 'asked for twice').toBe(id);
    expect([again.id, await statusOf(id)]).toEqual([id, 'building']);
    expect(again.estimate.chunks).toBe(await liveChunks());
    expect(again.estimate.cost_usd).toBe((again.estimate.tokens * 2) / 1e6);
  });
});

describe('documents that come while two generations are kept', () => {
  it('get vectors of both, and are findable when only the live model answers', async () => {
    const id = await ready();
    await addReady('Both models read of the heron at the weir.');
    expect(await vectorsOf(gemini.model)).toBe(await liveChunks());
    standIn.script(() => ({ error: 503 }));
    await addReady('Only one model reads of the otter at the weir.');
    expect(await vectorsOf(local.model)).toBe(await liveChunks());
    expect(await vectorsOf(gemini.model)).toBe((await liveChunks()) - 1);
    await expect(switchGeneration(context.db, id)).rejects.toMatchObject({ code: 'conflict' });
    standIn.script([]);
    expect(await findLostGenerations(context.db)).toEqual({ build: [id], compare: [], reclaim: [] });
    const metric = async () =>
      (await context.metrics.requeued.get()).values.find(({ labels }) => labels.kind === 'generations');
    const before = (await metric())?.value ?? 0;
    await handlers.requeueLost.run({}, context);
    expect((await metric())?.value).toBe(before + 1);
    await build(id);
    expect(await vectorsOf(gemini.model)).toBe(await liveChunks());
    // As two processes have them: nothing shared but the database.
    const searches = [1, 2].map(() =>
      createSearch({
        db: context.db,
        embedders: context.embedders,
        metrics: createMetrics(),
        cacheTtlSeconds: 600,
        bm25: bm25Defaults,
      }),
    );
    const options = {
      k: 5,
      strategy: 'vector',
      filters: {},
      audience: { scope: 'read', flags: [] },
    } as const;
    const models = async () =>
      (await Promise.all(searches.map((search) => search.retrieve('heron', options)))).map(
        ({ generation }) => generation?.model,
      );
    expect(await models()).toEqual([local.model, local.model]);
    expect(await switchGeneration(context.db, id)).toBe(true);
    expect(await models(), 'the next search of each').toEqual([gemini.model, gemini.model]);
    expect(await switchGeneration(context.db, id), 'it is live already').toBe(false);
    const back = (await findGenerationOf(context.db, local.model))?.id as string;
    expect(await switchGeneration(context.db, back)).toBe(true);
  });
});

describe('reclaimGeneration', () => {
  it('takes the vectors of that model alone, and what comes late is refused', async () => {
    const id = await ready();
    const others = await vectorsOf(local.model);
    const [chunk] = await rows('select seq, text from chunks where live limit 1');
    const token = randomUUID();
    await context.db('chunks').where('seq', chunk.seq).update({ embed_token: token });
    expect(await beginReclaim(context.db, id)).toBe(true);
    await handlers.reclaimGeneration.run({ generationId: id }, context);
    expect(await findGeneration(context.db, id)).toMatchObject({
      status: 'reclaimed',
      vectors_reclaimed: others,
    });
    const made = { chunk, hash: '00', vector: new Float32Array(96).fill(1) };
    const late = await saveVectors(context.db, token, gemini.model, [made]);
    expect([late, await vectorsOf(gemini.model), await vectorsOf(local.model)]).toEqual([0, 0, others]);
    await context.db('chunks').where('seq', chunk.seq).update({ embed_token: null });
    expect((await claimMissing(context.db, gemini.model, 0, 10)).chunks, 'nor is it built again').toEqual([]);
  });
});

describe('a start with another model configured', () => {
  const start = async (env: Record<string, unknown>, provider: 'local' | 'gemini') => {
    const lines: string[] = [];
    const note = (_: unknown, line: string) => void lines.push(line);
    const log = { ...context.log, warn: note, error: note, info: note } as unknown as Context['log'];
    const embedders = createEmbedderPool({
      provider,
      geminiApiKey: GEMINI_API_KEY,
      geminiBaseUrl: standIn.url,
      geminiModel: 'gemini-embedding-001',
      dimensions: 64,
    });
    const config = { ...context.config, EMBEDDING_PROVIDER: provider, ...env };
    await agreeOnGeneration({ config, db: context.db, embedders, enqueue: context.enqueue, log });
    await embedders.close();
    return lines.join('\n');
  };
  const all = () =>
    rows('select model, status from embedding_generations where model like :model', { model: '%@64' });

  it('begins to build it, once, and leaves search as it is', async () => {
    expect(await start({}, 'local'), 'the same model: nothing to say').toBe('');
    const said = await start({}, 'gemini');
    expect(said).toContain('being built beside the live one');
    expect(await all()).toEqual([{ model: 'gemini-embedding-001@64', status: 'building' }]);
    expect(await start({}, 'gemini')).toContain('is building');
    expect(await all()).toHaveLength(1);
    expect((await findGenerationOf(context.db, local.model))?.status).toBe('live');
  });

  it('does not build again what was deleted, but says how to', async () => {
    const id = (await findGenerationOf(context.db, 'gemini-embedding-001@64'))?.id as string;
    await beginReclaim(context.db, id);
    await handlers.reclaimGeneration.run({ generationId: id }, context);
    expect(await start({}, 'gemini')).toContain('build it by POST /api/v1/admin/embeddings/generations');
    expect(await all()).toEqual([{ model: 'gemini-embedding-001@64', status: 'reclaimed' }]);
  });
});
