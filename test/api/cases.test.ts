import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addDocuments,
  ask,
  type Client,
  countRows,
  createKey,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const flag = '/api/v1/admin/flags/neural_case_selector';
const cases = '/api/v1/admin/cases';
const question = 'How many days off do employees get each year?';
const alike = 'How many days off do employees get in a year?';

let service: TestService;
let writer: Client;
let other: Client;
let documents: Json[];
beforeAll(async () => {
  // Nothing is confirmed but by those who rate it.
  service = await startService({ CASE_CONFIDENCE: '1', CASE_LOOKUP_MS: '10000' });
  writer = (await createKey(service, { scope: 'write' })).client;
  other = (await createKey(service, { scope: 'write' })).client;
  documents = await addDocuments(writer, [
    { title: 'Leave', text: 'Each year employees get twenty days off. Unused days are lost.' },
    { title: 'Office', text: 'The office is in Main Street. Its canteen opens at noon.' },
    { title: 'Tower', text: 'The tower stands in Paris. It was built in 1889.' },
  ]);
});
afterAll(() => service?.stop());

const turn = (enabled: boolean) => service.admin.put(flag, { enabled, reason: 'a test' });
const rate = (client: Client, { id }: Json, rating: number) =>
  client.post(`/api/v1/answers/${id}/feedback`, { rating });
const search = async (client: Client, use_neural: boolean, q = alike): Promise<Json> =>
  (await client.post('/api/v1/search', { q, use_neural })).body;
const scoreOf = ({ hits }: Json, chunk: string): number =>
  hits.find(({ chunk_id }: Json) => chunk_id === chunk)?.score;
const bank = async (status = 'active'): Promise<Json[]> =>
  (await service.admin.get(`${cases}?status=${status}`)).body.items;
const indexed = () =>
  waitFor('every case is indexed', async () => {
    const all = await bank();
    return all.length > 0 && all.every(({ indexed }) => indexed) && all;
  });

describe('neural_case_selector', () => {
  it('off, leaves search and answers as they are and keeps nothing', async () => {
    const answer = await ask(writer, { question });
    expect((await rate(writer, answer, 1)).status).toBe(201);
    const [plain, neural] = [await search(writer, false), await search(writer, true)];
    expect(neural.hits).toEqual(plain.hits);
    expect(neural).not.toHaveProperty('cases');
    expect(neural.query_analysis.notes.join(' ')).toContain('neural_case_selector is off');
    expect(answer.retrieval).not.toHaveProperty('cases');
    expect(await countRows(service.sql, ['cases', 'case_uses'])).toEqual({ cases: 0, case_uses: 0 });
  });

  it('on, finds a confirmed answer for a question like its own, and weighs up what it cited', async () => {
    await turn(true);
    const answer = await ask(writer, { question, final_topk: 4 });
    expect(answer.sources[0].document_id).toBe(documents[0]?.id);
    await rate(writer, answer, 1);
    const [one] = await indexed();
    expect(one).toMatchObject({ answer_id: answer.id, confirmed_by: 'feedback', uses: 0, rating: null });
    const chunk = answer.sources[0].chunk_id;
    const [plain, neural] = [await search(writer, false), await search(writer, true)];
    expect(neural.cases).toMatchObject([{ case_id: one?.id, question, chunk_ids: [chunk] }]);
    expect(neural.cases[0].score).toBeGreaterThan(0.8);
    expect(scoreOf(neural, chunk)).toBeGreaterThan(scoreOf(plain, chunk));
    expect(neural.query_analysis.notes.join(' ')).toContain('1 earlier answer');
    expect((await search(writer, true, 'When was the tower built?')).cases).toEqual([]);
    const helped = await ask(writer, { question: alike });
    expect(helped.retrieval.cases).toMatchObject([{ case_id: one?.id, answer_id: answer.id, question }]);
    expect((await service.admin.get(`${cases}/${one?.id}`)).body.uses).toBe(1);
    const { text } = await service.anonymous.get('/metrics');
    expect(text).toMatch(/^rag_case_lookups_total\{outcome="hit"\} [1-9]/m);
    expect(text).toMatch(/^rag_cases\{status="active"\} 1$/m);
  });

  it('never helps another key, nor crosses a filter', async () => {
    expect((await search(other, true)).cases).toEqual([]);
    const filtered = (document_ids: string[]) =>
      writer.post('/api/v1/search', { q: alike, use_neural: true, filters: { document_ids } });
    expect((await filtered([documents[1]?.id])).body.cases).toEqual([]);
    expect((await filtered([documents[0]?.id])).body.cases).toHaveLength(1);
  });

  it('gives up a case whose answer is rated badly, until somebody restores it', async () => {
    const [one] = await bank();
    const { body: before } = await writer.get(`/api/v1/answers/${one?.answer_id}`);
    await rate(writer, before, -1);
    expect((await search(writer, true)).cases).toEqual([]);
    expect(await bank('archived')).toMatchObject([{ id: one?.id, archived_because: 'failed' }]);
    expect((await service.admin.post(`${cases}/${one?.id}/restore`)).body.status).toBe('active');
    expect((await search(writer, true)).cases).toHaveLength(1);
    expect((await service.admin.post(`${cases}/${one?.id}/archive`)).body.archived_because).toBe('by_hand');
    await service.admin.post(`${cases}/${one?.id}/restore`);
  });

  it('gives up a case that answers were none the better for', async () => {
    const [one] = await bank();
    for (const ending of ['in any year?', 'in every year?']) {
      const helped = await ask(writer, { question: `How many days off do employees get ${ending}` });
      expect(helped.error).toBeNull();
      expect(helped.retrieval.cases?.[0]?.case_id).toBe(one?.id);
      await rate(writer, helped, -1);
    }
    await waitFor('it is archived', async () =>
      (await bank('archived')).some(({ id, archived_because: why }) => id === one?.id && why === 'failed'),
    );
    await service.admin.post(`${cases}/${one?.id}/restore`);
  });

  it('merges cases that say the same', async () => {
    const again = await ask(writer, { question: `${question} `, final_topk: 3 });
    await rate(writer, again, 1);
    await waitFor('one of them is archived', async () =>
      (await bank('archived')).some(({ archived_because: why }) => why === 'merged'),
    );
    expect(await bank()).toHaveLength(1);
  });

  it('loses its cases with the answer, and with a document that they cite', async () => {
    const tower = await ask(writer, { question: 'When was the tower built?' });
    await rate(writer, tower, 1);
    expect(await bank()).toHaveLength(2);
    await writer.delete(`/api/v1/answers/${tower.id}`);
    expect(await bank()).toHaveLength(1);
    const { body } = await writer.delete(`/api/v1/documents/${documents[0]?.id}`);
    expect(await bank()).toEqual([]);
    expect((await search(writer, true)).cases).toEqual([]);
    const { receipt } = await ended(writer, body.links.self);
    // The one that is found, and the one that was merged into it.
    expect(receipt).toMatchObject({ cases: 2, residual: 0 });
    await turn(false);
    expect(await search(writer, true)).not.toHaveProperty('cases');
  });
});
