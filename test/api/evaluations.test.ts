import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparePaired } from '../../src/evaluation/compare.ts';
import { handbook } from '../support/handbook.ts';
import {
  addDocuments,
  createKey,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';
import { waitFor } from '../support/wait-for.ts';

const path = '/api/v1/admin/evaluations';
let service: TestService;
let documents: Json[];

beforeAll(async () => {
  service = await startService();
  documents = await addDocuments(service.admin, handbook);
});
afterAll(() => service.stop());

const judged = (text: string, external_id: string, gain = 1) => ({
  text,
  judgements: [{ external_id, gain }],
});
const answerable = [
  judged('How fast may forklifts drive?', 'warehouse'),
  judged('Who approves remote days?', 'remote-work', 3),
  judged('노트북을 분실하면 언제까지 신고해야 합니까?', 'security-ko'),
  judged('연차 휴가는 며칠입니까?', 'leave-ko'),
];
const run = async (body: Json): Promise<Json> => {
  const reply = await service.admin.post(path, body);
  expect([reply.status, reply.body.is_terminal]).toEqual([202, false]);
  expect(reply.headers.get('location')).toBe(reply.body.links.self);
  return ended(service.admin, reply.body.links.self);
};

describe('an evaluation', () => {
  it('measures every strategy on the judged questions', async () => {
    const { result, ...evaluation } = await run({ name: 'handbook', queries: answerable });
    expect(evaluation).toMatchObject({
      name: 'handbook',
      status: 'completed',
      progress: 1,
      notes: [],
      error: null,
    });
    expect(result.queries).toEqual({ measured: 4, unanswerable: 0, with_missing_documents: 0 });
    expect(Object.keys(result.strategies).sort()).toEqual(['hybrid', 'keyword', 'vector']);
    // Words find each of the five first, as anyone can check by searching.
    const best = { 'ndcg@10': 1, 'recall@10': 1, 'recall@100': 1, 'mrr@10': 1, queries: 4 };
    expect(result.strategies.keyword).toMatchObject(best);
    expect(result.strategies.keyword.intervals['ndcg@10']).toEqual([1, 1]);
    const { vector } = result.strategies;
    expect(vector['recall@10'], 'all five are among ten').toBe(1);
    const [low, high] = vector.intervals['mrr@10'];
    expect(low).toBeLessThanOrEqual(vector['mrr@10']);
    expect(high).toBeGreaterThanOrEqual(vector['mrr@10']);
    const pair = result.differences.find((one: Json) => one.first === 'keyword' && one.second === 'vector');
    expect(pair.mean).toBeCloseTo(1 - vector['ndcg@10'], 12);
    expect(result.differences).toHaveLength(3);
    const values = async (strategy: string): Promise<number[]> =>
      (
        await service.sql.query<Json>(
          'select ndcg_10 from evaluation_scores where evaluation_id = $1 and strategy = $2 order by n',
          [evaluation.id, strategy],
        )
      ).map((row) => row.ndcg_10);
    const { p, interval, queries } = comparePaired(await values('keyword'), await values('vector'));
    expect(pair).toMatchObject({ p, interval, queries });
    expect(queries).toBe(4);
    expect(result.models).toHaveLength(1);
    expect(result.corpus_versions.first).toBe(result.corpus_versions.last);
  });

  it('gives what searching by hand gives', async () => {
    const { result } = await run({
      queries: [judged('Which vest do people wear?', 'expenses')],
      strategies: ['vector'],
    });
    const { body } = await service.admin.post('/api/v1/search', {
      q: 'Which vest do people wear?',
      search_mode: 'vector',
      max_results: 100,
    });
    const expenses = documents.find(({ external_id }) => external_id === 'expenses');
    const rank = body.hits.findIndex((hit: Json) => hit.document_id === expenses.id) + 1;
    expect(rank).toBeGreaterThan(1);
    expect(result.strategies.vector['mrr@10']).toBeCloseTo(1 / rank, 12);
    expect(result.strategies.vector['ndcg@10']).toBeCloseTo(1 / Math.log2(rank + 1), 12);
  });

  it('takes documents by id, leaves out what nothing answers, and says both', async () => {
    const [warehouse] = documents.filter(({ external_id }) => external_id === 'warehouse');
    const evaluation = await run({
      queries: [
        {
          id: 'by-id',
          text: 'How fast may forklifts drive?',
          judgements: [{ document_id: warehouse.id.toUpperCase() }],
        },
        judged('Where is the canteen?', 'no-such-document'),
        {
          text: 'How fast may forklifts drive in the hall?',
          judgements: [
            { external_id: 'warehouse' },
            { external_id: 'gone' },
            { external_id: 'expenses', gain: 0 },
          ],
        },
      ],
      strategies: ['keyword'],
    });
    const { result, notes } = evaluation;
    expect(result.queries).toEqual({ measured: 2, unanswerable: 1, with_missing_documents: 2 });
    expect(result.missing_judgements).toBe(2);
    expect(result.strategies.keyword).toMatchObject({ queries: 2, 'mrr@10': 1, 'recall@10': 0.75 });
    expect(result.differences).toEqual([]);
    expect(notes.join(' ')).toContain('1 of 3 questions are left out');
    expect(notes.join(' ')).toContain('1 more name a judged document that does not exist');
  });

  it('searches under its filters only', async () => {
    const { result } = await run({
      queries: answerable.slice(0, 2),
      strategies: ['keyword', 'hybrid'],
      filters: { canonical_in: [['HR']] },
    });
    for (const name of ['keyword', 'hybrid']) expect(result.strategies[name]['recall@100']).toBe(0.5);
  });

  it('is created once for a key, and listed newest first', async () => {
    const body = { name: 'once', queries: answerable.slice(0, 1), strategies: ['keyword'] };
    const headers = { 'Idempotency-Key': 'an-evaluation' };
    const first = await service.admin.post(path, body, headers);
    const again = await service.admin.post(path, body, headers);
    expect([again.body.id, again.headers.get('idempotency-replayed')]).toEqual([first.body.id, 'true']);
    await ended(service.admin, first.body.links.self);
    const page = await service.admin.get(`${path}?limit=1`);
    expect(page.body.items).toMatchObject([{ id: first.body.id, name: 'once' }]);
    const next = await service.admin.get(`${path}?limit=200&cursor=${page.body.next_cursor}`);
    expect(next.body.items.length).toBeGreaterThanOrEqual(3);
    expect(next.body.next_cursor).toBeNull();
  });

  it('is not served from the cache and leaves nothing in it', async () => {
    await service.admin.post('/api/v1/admin/cache/clear');
    await run({ queries: answerable });
    expect(await service.sql.query('select 1 from query_cache')).toEqual([]);
  });

  it('can be cancelled, and then nothing more is measured', async () => {
    const queries = Array.from({ length: 2000 }, (_, n) =>
      judged(`How fast may forklift ${n} drive?`, 'warehouse'),
    );
    const { body } = await service.admin.post(path, { queries });
    await waitFor('it runs', async () => {
      const { progress } = (await service.admin.get(body.links.self)).body;
      return progress > 0;
    });
    expect((await service.admin.delete(body.links.self)).body).toMatchObject({
      status: 'cancelled',
      is_terminal: true,
    });
    const count = async () =>
      (
        await service.sql.query<Json>(
          'select count(*)::int as n from evaluation_scores where evaluation_id = $1',
          [body.id],
        )
      )[0].n;
    const measured = await count();
    await run({ queries: answerable });
    expect([await count(), measured < 6000]).toEqual([measured, true]);
    expect((await service.admin.delete(body.links.self)).body.status).toBe('cancelled');
  });
});

describe('a file of judged questions', () => {
  const lines = (...items: unknown[]) => items.map((item) => JSON.stringify(item)).join('\n');
  const send = (
    content: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set('file', new Blob([content]), 'judged.jsonl');
    return service.admin.call('POST', path, { form, headers });
  };

  it('gives what the same questions give in a body', async () => {
    const inBody = await run({ queries: answerable, strategies: ['keyword', 'vector'] });
    const fields = { name: 'from a file', strategies: '["keyword","vector"]' };
    const headers = { 'Idempotency-Key': 'a-judged-file' };
    const reply = await send(`${lines(...answerable)}\r\n\n`, fields, headers);
    expect(reply).toMatchObject({ status: 202, body: { name: 'from a file', queries: 4 } });
    const again = await send(`${lines(...answerable)}\r\n\n`, fields, headers);
    expect(again.body.id).toBe(reply.body.id);
    const { result } = await ended(service.admin, reply.body.links.self);
    expect(result).toEqual({ ...inBody.result, corpus_versions: result.corpus_versions });
  });

  it('may have more than a body', async () => {
    const filler = 'y'.repeat(1500);
    const many = Array.from({ length: 5500 }, (_, n) => judged(`${n} ${filler}`, 'no-such-document'));
    const reply = await send(lines(...many), { strategies: '["keyword"]' });
    expect(reply).toMatchObject({ status: 202, body: { queries: 5500 } });
    await service.admin.delete(reply.body.links.self);
    const [row] = await service.sql.query<Json>(
      'select count(*)::int as n from evaluation_queries where evaluation_id = $1',
      [reply.body.id],
    );
    expect(row.n).toBe(5500);
  });

  const good = JSON.stringify(answerable[0]);
  it.each<[string, string, Record<string, string>, string]>([
    ['a line that is no JSON', `${good}\n{"text": `, {}, '/file/2'],
    ['a line without judgements', `${good}\n\n{"text": "x"}`, {}, '/file/3/judgements'],
    ['nothing', '\n', {}, '/file'],
    [
      'the same id twice',
      lines({ id: 'a', ...answerable[0] }, { id: 'a', ...answerable[1] }),
      {},
      '/queries',
    ],
    ['a field that is no JSON', good, { filters: 'HR' }, '/filters'],
    ['an unknown strategy', good, { strategies: '["guess"]' }, '/strategies/0'],
    ['an unknown field', good, { colour: '1' }, '/colour'],
  ])('is refused with %s', async (_, content, fields, pointer) => {
    const before = await service.sql.query('select id from evaluations');
    expect(await send(content, fields)).toMatchObject({
      status: 422,
      body: { code: 'validation_failed', errors: [{ pointer }] },
    });
    expect(await service.sql.query('select id from evaluations')).toHaveLength(before.length);
  });
});

describe('what is refused', () => {
  const bad: [string, Json, string][] = [
    ['no queries', { queries: [] }, '/queries'],
    [
      'a document named twice',
      {
        queries: [
          {
            text: 'x',
            judgements: [{ external_id: 'a', document_id: '00000000-0000-4000-8000-000000000000' }],
          },
        ],
      },
      '/queries/0/judgements/0',
    ],
    ['no gain', { queries: [judged('x', 'a', 0)] }, '/queries/0/judgements'],
    [
      'the same id twice',
      {
        queries: [
          { id: 'a', ...answerable[0] },
          { id: 'a', ...answerable[1] },
        ],
      },
      '/queries',
    ],
    ['an unknown strategy', { queries: answerable, strategies: ['guess'] }, '/strategies/0'],
    ['too many queries', { queries: Array.from({ length: 5001 }, () => judged('x', 'a')) }, '/queries'],
  ];
  it.each(bad)('%s', async (_, body, pointer) => {
    const reply = await service.admin.post(path, body);
    expect(reply).toMatchObject({ status: 422, body: { code: 'validation_failed', errors: [{ pointer }] } });
  });

  it('a set larger than a body may be, and keys that are no admin', async () => {
    const huge = {
      queries: [judged('x'.repeat(1999), 'a')].concat(
        Array.from({ length: 900 }, () => judged('y'.repeat(1999), 'a')),
      ),
    };
    expect((await service.admin.post(path, huge)).status).toBe(413);
    const { client } = await createKey(service, { scope: 'write' });
    expect((await client.post(path, { queries: answerable })).status).toBe(403);
    expect((await client.get(path)).status).toBe(403);
  });
});
