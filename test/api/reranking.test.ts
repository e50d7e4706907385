import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Behaviour, type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { addDocuments, ask, type Json, startService, type TestService } from '../support/service.ts';

/** Of the question's words this has one that search counts; */
const short = 'A heron waits patiently.';
/** this has all of them, most of which search leaves out. */
const wordy = 'Where does the train stop? Where does the bus stop? Where does the heron stop?';
const question = 'Where does the heron wait?';

let standIn: GeminiStandIn;
let service: TestService;
let first: string;
beforeAll(async () => {
  standIn = await startGeminiStandIn();
  service = await startService({
    RERANKER: 'gemini',
    RERANK_BUDGET_MS: '1000',
    COMPOSE_BUDGET_MS: '60000',
    GEMINI_API_KEY: 'a-key-of-the-stand-in',
    GEMINI_BASE_URL: standIn.url,
  });
  const [added] = await addDocuments(service.admin, [
    { text: short },
    { text: wordy },
    { text: 'Trains stop at the bridge.' },
  ]);
  first = added?.id;
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});
beforeEach(async () => {
  standIn.script([]);
  await service.admin.delete('/api/v1/admin/cache/clear');
});

const search = async (more: Record<string, unknown> = {}): Promise<Json> => {
  const reply = await service.admin.post('/api/v1/search', { q: question, ...more });
  expect(reply.status, reply.text).toBe(200);
  return reply.body;
};
const textsOf = ({ hits }: Json) => hits.map((hit: Json) => hit.text);
/** Plays this for every request to grade passages; others are answered. */
const scriptGrading = (behaviour: Behaviour) =>
  standIn.script(({ body }) => (body.generationConfig?.responseMimeType ? behaviour : undefined));

describe('a reranker in search', () => {
  it('decides the order of what it is shown, and is told of', async () => {
    const without = await search({ rerank: false });
    expect(textsOf(without)[0]).toBe(short);
    expect(without.query_analysis.rerank).toBeNull();
    expect(without.hits[0].rerank_score).toBeNull();

    const found = await search();
    expect(textsOf(found)[0]).toBe(wordy);
    expect([...textsOf(found)].sort()).toEqual([...textsOf(without)].sort());
    expect(found.query_analysis.rerank).toEqual({
      model: 'gemini-2.5-flash-lite',
      passages: found.hits.length,
      outcome: 'applied',
    });
    expect(found.query_analysis.notes.join(' ')).toContain('Reranked');
    for (const { score, rerank_score } of found.hits) expect(score).toBe(rerank_score);
    const keyword = (of: Json, text: string) => of.hits.find((hit: Json) => hit.text === text).keyword_score;
    expect(keyword(found, short)).toBe(keyword(without, short));
  });

  it.each<[string, Behaviour]>([
    ['timeout', 'hang'],
    ['unavailable', { error: 503 }],
  ])('that ends with %s leaves the order, says so, and is asked again next time', async (outcome, fault) => {
    scriptGrading(fault);
    const found = await search();
    expect(found.query_analysis.rerank).toMatchObject({ outcome });
    expect(found.query_analysis.notes.join(' ')).toContain('not reranked');
    expect(found.hits).toEqual((await search({ rerank: false })).hits);
    standIn.script([]);
    const again = await search();
    expect(again.cache).toBe('miss');
    expect(again.query_analysis.rerank).toMatchObject({ outcome: 'applied' });
    expect((await search()).cache).toBe('hit');
  });

  it('is known to the cache', async () => {
    const found = await search();
    expect((await search({ rerank: false })).cache).toBe('miss');
    const again = await search();
    expect(again).toMatchObject({ cache: 'hit', hits: found.hits, query_analysis: found.query_analysis });
  });

  it('is counted', async () => {
    await search();
    const { text } = await service.admin.get('/metrics');
    expect(text).toMatch(
      /rag_rerank_duration_seconds_count\{model="gemini-2.5-flash-lite",outcome="applied"\}/,
    );
  });
});

describe('a reranker in an answer', () => {
  const step = (answer: Json) => answer.steps.find(({ name }: Json) => name === 'retrieve');

  it('orders the passages that it is composed of', async () => {
    const answer = await ask(service.admin, { q: question });
    expect(step(answer)).toMatchObject({ outcome: 'ok' });
    const grading = standIn.requests.filter(({ body }) => body.generationConfig?.responseMimeType);
    expect(grading.length).toBeGreaterThan(0);
    const prompt = standIn.requests.at(-1)?.body.contents?.[0]?.parts[0]?.text ?? '';
    expect(prompt.indexOf(wordy)).toBeGreaterThan(0);
    expect(prompt.indexOf(wordy)).toBeLessThan(prompt.indexOf(short));
  });

  it('that hangs costs its order, not the passages', async () => {
    scriptGrading('hang');
    const answer = await ask(service.admin, { q: question });
    expect(answer).toMatchObject({ status: 'completed', retrieval: { strategy: 'hybrid' } });
    expect(step(answer)).toMatchObject({
      outcome: 'degraded',
      detail: expect.stringContaining('not reranked'),
    });
    const prompt = standIn.requests.at(-1)?.body.contents?.[0]?.parts[0]?.text ?? '';
    expect(prompt.indexOf(short)).toBeLessThan(prompt.indexOf(wordy));
  });
});

it('measures as it searches', async () => {
  const judged = {
    strategies: ['hybrid'],
    queries: [{ text: question, judgements: [{ document_id: first }] }],
  };
  const { body } = await service.admin.post('/api/v1/admin/evaluations', judged);
  const ended = async () => (await service.admin.get(body.links.self)).body;
  await expect.poll(ended, { timeout: 60_000 }).toMatchObject({ is_terminal: true });
  const { result } = await ended();
  expect(result.strategies.hybrid['mrr@10']).toBeLessThan(1);
});
