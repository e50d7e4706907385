import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { handbook } from '../support/handbook.ts';
import { createSearchers, type Searched } from '../support/searchers.ts';
import {
  addDocument,
  addDocuments,
  ask,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const path = '/api/v1/admin/embeddings/generations';
const questions = [
  'How fast may forklifts drive?',
  'Who approves remote days?',
  'When are receipts handed in?',
  'What do visitors wear?',
];

let standIn: GeminiStandIn;
let service: TestService;
/** Of the generations with 384 and with 768 dimensions. */
let local: Json;
let gemini: Json;

beforeAll(async () => {
  standIn = await startGeminiStandIn();
  service = await startService({ GEMINI_API_KEY: 'a-key-of-the-stand-in', GEMINI_BASE_URL: standIn.url });
  const more = Array.from({ length: 40 }, (_, n) => ({
    external_id: `hall-${n}`,
    title: `Hall ${n}`,
    text: `Hall ${n} has ${n + 2} gates. Forklifts in hall ${n} are charged at ${n % 24} o'clock, visitors wait at gate ${n}.`,
  }));
  await addDocuments(service.admin, [...handbook, ...more]);
  await ask(service.admin, { question: 'How fast may forklifts drive in the hall?' });
  [local] = (await service.admin.get(path)).body.items;
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});

const show = async (id: string): Promise<Json> => (await service.admin.get(`${path}/${id}`)).body;
const act = (id: string, what: string) => service.admin.post(`${path}/${id}/${what}`);

/** Scores of every chunk for every question, with the generation that is live now. */
async function readScores(): Promise<Map<string, number>> {
  const scores = new Map<string, number>();
  for (const q of questions) {
    const { body } = await service.admin.post('/api/v1/search', {
      q,
      search_mode: 'vector',
      max_results: 100,
    });
    for (const { chunk_id, vector_score } of body.hits) scores.set(`${q} ${chunk_id}`, vector_score);
  }
  return scores;
}

describe('a change from 384 to 768 dimensions while searches go on', () => {
  const expected = new Map<string, Map<string, number>>();
  const searched: Searched[] = [];

  it('begins with the configured model live', () => {
    expect(local).toMatchObject({
      provider: 'local',
      dimensions: 384,
      status: 'live',
      is_terminal: true,
      progress: 1,
    });
  });

  it('estimates first, and changes nothing by it', async () => {
    const reply = await service.admin.post(path, { provider: 'gemini', dry_run: true });
    expect(reply.status).toBe(200);
    const { characters, tokens, cost_usd } = reply.body;
    const [row] = await service.sql.query<Json>(
      'select count(*)::int as chunks, sum(length(text))::int as text from chunks where live',
    );
    expect(reply.body).toMatchObject({
      model: 'gemini-embedding-001@768',
      dimensions: 768,
      chunks: row.chunks,
    });
    expect(characters).toBeGreaterThan(row.text);
    expect(tokens / characters).toBeGreaterThan(0.1);
    expect(tokens / characters).toBeLessThan(1);
    expect(cost_usd).toBeCloseTo((tokens * 0.15) / 1e6, 12);
    expect((await service.admin.get(path)).body.items).toHaveLength(1);
  });

  it('never fails a search, never mixes vectors, is obeyed by the next request, and rolls back', async () => {
    expected.set(local.model, await readScores());
    const searchers = createSearchers(service.admin, questions);
    const during = searchers.run(4, searched);
    try {
      const { status, body } = await service.admin.post(path, { provider: 'gemini' });
      expect([status, body.status]).toEqual([202, 'building']);
      await addDocument(service.admin, { external_id: 'late', text: 'Forklifts are washed on Mondays.' });
      gemini = await ended(service.admin, body.links.self);
      expect(gemini).toMatchObject({ status: 'ready', progress: 1, counts: { missing: 0 }, error: null });
      const settled = await searchers.have(searched, local.model, 20);
      expect(settled).toBe(true);

      const switched = await act(gemini.id, 'switch');
      expect(switched.body).toMatchObject({ status: 'live', replaces: local.id });
      await searchers.have(searched, gemini.model, 20);
      await addDocument(service.admin, { external_id: 'later', text: 'Visitors leave before dusk.' });
      expected.set(gemini.model, await readScores());

      const back = await act(gemini.id, 'rollback');
      expect(back.body).toMatchObject({ id: local.id, status: 'live', counts: { missing: 0 } });
      await searchers.have(searched, local.model, 20);
      expect((await act(gemini.id, 'switch')).body.status).toBe('live');
      await searchers.have(searched, gemini.model, 20);
    } finally {
      await searchers.stop();
      await during;
    }
    const statuses = new Set(searched.map(({ status }) => status));
    expect([...statuses]).toEqual([200]);
    expect(searched.filter(({ notes }) => notes.some((note) => note.includes('unavailable')))).toEqual([]);
  });

  it('compared both by measuring them', () => {
    const { comparison } = gemini;
    expect(comparison).toMatchObject({ with_model: local.model, questions: 1 });
    expect(comparison.chunks).toBeGreaterThan(20);
    expect(comparison.overlap_at_10).toBeGreaterThan(0);
    expect(comparison.overlap_at_10).toBeLessThan(1);
    expect(comparison.recall_at_10).toBeGreaterThan(0.5);
    expect(comparison.live_recall_at_10).toBeGreaterThan(0.5);
  });

  it('gave every score by the vectors of the generation that it names', () => {
    const checked = { [local.model]: 0, [gemini.model]: 0 };
    for (const { generation, question, scores } of searched) {
      const right = expected.get(generation?.model);
      for (const [chunk, score] of scores) {
        const known = right?.get(`${question} ${chunk}`);
        if (known === undefined) continue;
        expect([chunk, score]).toEqual([chunk, known]);
        checked[generation.model] = (checked[generation.model] ?? 0) + 1;
      }
    }
    for (const count of Object.values(checked)) expect(count).toBeGreaterThan(500);
    const [one, other] = [...expected.values()];
    const differing = [...(one ?? [])].filter(([key, score]) => other?.get(key) !== score);
    expect(differing.length, 'the two models give other scores, so a mixture would show').toBe(one?.size);
  });

  it('keeps one vector of each generation a chunk, of its own length', async () => {
    const rows = await service.sql.query(
      `select model, vector_dims(embedding) as dimensions, count(*)::int as vectors, (select count(*)::int from chunks where live) as chunks
         from chunk_vectors group by 1, 2 order by 2`,
    );
    expect(rows).toMatchObject([
      { model: local.model, dimensions: 384 },
      { model: gemini.model, dimensions: 768 },
    ]);
    for (const { vectors, chunks } of rows as Json[]) expect(vectors).toBe(chunks);
  });
});

describe('what is refused', () => {
  it('to delete the live one, to roll back another one, to build what is there', async () => {
    expect(await service.admin.delete(`${path}/${gemini.id}`)).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
    expect(await act(local.id, 'rollback')).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await service.admin.post(path, { provider: 'local' })).toMatchObject({ status: 409 });
  });

  it('a model that is not here, and a provider that refuses', async () => {
    const missing = await service.admin.post(path, { provider: 'local', model: 'no-such-model' });
    expect(missing).toMatchObject({ status: 422, body: { errors: [{ pointer: '/model' }] } });
    const size = await service.admin.post(path, { provider: 'local', dimensions: 512 });
    expect(size).toMatchObject({ status: 422, body: { errors: [{ pointer: '/dimensions' }] } });
    standIn.script([{ error: 404, reason: 'NOT_FOUND' }]);
    const refused = await service.admin.post(path, { provider: 'gemini', dimensions: 128 });
    expect(refused).toMatchObject({ status: 503, body: { code: 'embedding_unavailable' } });
    expect((await service.admin.get(path)).body.items).toHaveLength(2);
  });
});

describe('deleting a generation', () => {
  it('takes its vectors away and leaves the rest', async () => {
    const { counts } = await show(local.id);
    const reply = await service.admin.delete(`${path}/${local.id}`);
    expect([reply.status, reply.body.status]).toEqual([202, 'reclaiming']);
    const gone = await ended(service.admin, reply.body.links.self);
    expect(gone).toMatchObject({ status: 'reclaimed', counts: { embedded: 0, reclaimed: counts.embedded } });
    const left = await service.sql.query('select distinct model from chunk_vectors');
    expect(left).toEqual([{ model: gemini.model }]);
    expect((await service.admin.delete(`${path}/${local.id}`)).status).toBe(200);
    expect(await act(gemini.id, 'rollback')).toMatchObject({ status: 409 });
  });

  it('builds it anew when it is wanted again, and lists both', async () => {
    const reply = await service.admin.post(path, { provider: 'local' });
    expect(reply.status).toBe(202);
    const again = await ended(service.admin, reply.body.links.self);
    expect(again).toMatchObject({ status: 'ready', model: local.model });
    const first = await service.admin.get(`${path}?limit=2`);
    const rest = await service.admin.get(`${path}?limit=2&cursor=${first.body.next_cursor}`);
    const ids = [...first.body.items, ...rest.body.items].map(({ id }: Json) => id);
    expect(ids).toEqual([again.id, gemini.id, local.id]);
    await waitFor('nothing is left to do', async () => (await show(again.id)).is_terminal);
  });
});
