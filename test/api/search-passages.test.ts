import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addDocument,
  addDocuments,
  ask,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

const filler = (about: string) =>
  Array.from({ length: 4 }, (_, i) => `It says 🙂 ${about} in sentence ${i} of the part.`).join(' ');
const section = (name: string, ...parts: string[]) => `## ${name}\n\n${parts.join('\n\n')}`;
const guide = [
  section('Brewing', filler('kettle'), filler('kettle and teapot'), filler('water')),
  section('Storing', filler('cupboard'), filler('tin'), filler('cupboard')),
].join('\n\n');
const flat = Array.from({ length: 9 }, (_, i) => filler(i === 4 ? 'zebra' : `item${i}`)).join('\n\n');
const table = `Stock list:\n\n| Ware | Count |\n|---|---|\n${Array.from({ length: 40 }, (_, i) => `| ware${i} kept in the long hall | ${i} |`).join('\n')}`;

let service: TestService;
let ids: Record<string, string>;

beforeAll(async () => {
  service = await startService({ CHUNK_TOKENS: '50', CHUNK_OVERLAP_TOKENS: '15' });
  const added = await addDocuments(service.admin, [
    { external_id: 'guide', title: 'Tea', text: guide },
    { external_id: 'flat', title: 'Animals', text: flat },
    { external_id: 'table', title: 'Hall', text: table },
  ]);
  ids = Object.fromEntries(added.map(({ external_id, id }) => [external_id, id]));
});
afterAll(() => service.stop());

async function search(request: Record<string, unknown>): Promise<Json> {
  const reply = await service.admin.post('/api/v1/search', { search_mode: 'bm25', ...request });
  expect(reply.status, reply.text).toBe(200);
  for (const hit of reply.body.hits) {
    const name = Object.keys(ids).find((key) => ids[key] === hit.document_id) ?? '';
    const text = { guide, flat, table }[name] ?? '';
    expect(hit.text).toBe(text.slice(...(hit.char_range as [number, number])));
    expect(hit.chunk_ids).toContain(hit.chunk_id);
  }
  return reply.body;
}
const lengthOf = (hit: Json) => hit.char_range[1] - hit.char_range[0];

describe('neighbours that were found', () => {
  const q = { q: 'kettle teapot water cupboard tin', max_results: 3 };

  it('become one hit of the best score, and the list is filled up', async () => {
    const plain = await search(q);
    expect(plain.hits.every((hit: Json) => hit.chunk_ids.length === 1)).toBe(true);
    const merged = await search({ ...q, merge_neighbours: true });
    expect(merged.hits[0]).toMatchObject({ score: plain.hits[0].score, chunk_id: plain.hits[0].chunk_id });
    expect(merged.hits.some((hit: Json) => hit.chunk_ids.length > 1)).toBe(true);
    expect(merged.query_analysis.notes).toContainEqual(expect.stringMatching(/^Joined: \d+ chunks/));
    const scores = merged.hits.map((hit: Json) => hit.score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    const spans = merged.hits.flatMap((hit: Json) => hit.chunk_ids);
    expect(new Set(spans).size).toBe(spans.length);
  });

  it('are counted after they are joined', async () => {
    const wide = { q: 'sentence part', merge_neighbours: true };
    const one = await search({ ...wide, max_results: 1 });
    expect(one.hits).toHaveLength(1);
    const three = await search({ ...wide, max_results: 3 });
    expect(three.hits.length).toBeGreaterThan(1);
    for (const hit of three.hits) expect(lengthOf(hit)).toBeLessThanOrEqual(8_000);
    const limited = await search({ ...wide, max_results: 2, max_per_document: 1 });
    expect(new Set(limited.hits.map((hit: Json) => hit.document_id)).size).toBe(2);
  });
});

describe('a small chunk', () => {
  it('comes with the chunks beside it, in its own document alone', async () => {
    const [hit] = (await search({ q: 'zebra', max_results: 1 })).hits;
    const found = await search({ q: 'zebra', max_results: 1, expand: 'neighbours' });
    expect(found.hits[0]).toMatchObject({ chunk_id: hit.chunk_id, score: hit.score });
    expect(found.hits[0].chunk_ids).toHaveLength(3);
    expect(found.hits[0].chunk_ids[1]).toBe(hit.chunk_id);
    expect(found.query_analysis.notes).toContainEqual(expect.stringMatching(/^Expanded \(neighbours\): 2 /));
    const first = await search({ q: 'item0', max_results: 1, expand: 'neighbours' });
    expect(first.hits[0].char_range[0]).toBe(0);
  });

  it('comes with its section and nothing of the next one', async () => {
    const { hits } = await search({ q: 'teapot', max_results: 1, expand: 'section' });
    expect(hits[0].heading).toBe('Brewing');
    expect(hits[0].text).toContain('kettle in sentence 0');
    expect(hits[0].text).toContain('water in sentence 3');
    expect(hits[0].text).not.toContain('cupboard');
    const flatly = await search({ q: 'zebra', max_results: 1, expand: 'section' });
    expect(flatly.hits[0].chunk_ids).toHaveLength(3);
  });

  it('shares no chunk with another hit, whatever both grow by', async () => {
    const { hits } = await search({ q: 'kettle cupboard', max_results: 8, expand: 'section' });
    const chunks = hits.flatMap((hit: Json) => hit.chunk_ids);
    expect(new Set(chunks).size).toBe(chunks.length);
  });

  it('amid a table says what its columns are, and is found by it', async () => {
    const { hits } = await search({ q: 'ware33 count', max_results: 1 });
    expect(hits[0].text).toContain('| ware33 ');
    expect(hits[0].text).not.toContain('Count');
    expect(hits[0].context).toBe('Stock list:\n| Ware | Count |');
    expect(hits[0].keyword_score).toBeGreaterThan(
      (await search({ q: 'ware33', max_results: 1 })).hits[0].keyword_score,
    );
  });

  it('of a new version is not joined to one of the old', async () => {
    const added = await addDocument(service.admin, { external_id: 'guide', title: 'Tea', text: flat });
    expect(added.version).toBe(2);
    const { hits } = await search({ q: 'teapot', expand: 'section', merge_neighbours: true });
    expect(hits.filter((hit: Json) => hit.document_id === ids.guide)).toEqual([]);
  });
});

it('answers from sources that were put together, with the page and place of each quote', async () => {
  const question = { q: 'What says zebra in sentence 2 of the part?', filters: { document_ids: [ids.flat] } };
  const plain = await ask(service.admin, { ...question, final_topk: 1 });
  const wide = await ask(service.admin, {
    ...question,
    final_topk: 1,
    merge_neighbours: true,
    expand: 'neighbours',
  });
  expect(wide).toMatchObject({ status: 'completed', abstained: false });
  expect(wide.sources[0].text.length).toBeGreaterThan(plain.sources[0].text.length);
  expect(wide.sources[0].text).toContain(plain.sources[0].text);
  for (const { quote, char_range, verified, page } of wide.sources) {
    expect(flat.slice(...(char_range as [number, number]))).toBe(quote);
    expect({ verified, page }).toEqual({ verified: true, page: null });
  }
});

it('refuses a word that is no way to expand', async () => {
  const reply = await service.admin.post('/api/v1/search', { q: 'tea', expand: 'chapter' });
  expect(reply).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
});
