import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addDocuments,
  type Client,
  createKey,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let service: TestService;
let client: Client;
let ids: Record<string, string>;

const corpus = [
  {
    external_id: 'tower',
    title: 'Towers',
    text: 'The iron tower stands in Paris. 🗼 It is 300 metres tall, and painters visit the tower every seven years.',
    taxonomy_path: ['Buildings', 'Iron'],
    metadata: { year: 1889, city: 'Paris', tags: ['iron', 'tall'] },
    source_url: 'https://example.org/tower',
    author: 'G. E.',
    language: 'en',
  },
  {
    external_id: 'bridge',
    title: 'Bridges',
    text: 'The stone bridge crosses the river in Prague. Thirty statues stand on it.',
    taxonomy_path: ['Buildings', 'Stone'],
    metadata: { year: 1402, city: 'Prague' },
  },
  {
    external_id: 'translation',
    title: '기계 번역',
    text: '기계가 번역을 하면 사람이 검토한다. 😀 통번역사는 회의에 참석한다.',
    taxonomy_path: ['언어', '번역'],
    metadata: { year: 2024 },
  },
  {
    external_id: 'leave',
    title: '휴가 규정',
    text: '연차 휴가는 1년에 15일이다. 경조 휴가는 5일이다.',
    taxonomy_path: ['HR'],
  },
  {
    external_id: 'cats',
    title: 'Cats',
    text: 'A kitten sleeps on the sofa most of the day.',
    metadata: { year: 2024 },
  },
];

beforeAll(async () => {
  service = await startService();
  const writer = (await createKey(service, { scope: 'write' })).client;
  client = (await createKey(service, { scope: 'read' })).client;
  const added = await addDocuments(writer, corpus);
  ids = Object.fromEntries(added.map((document) => [document.external_id, document.id]));
});
afterAll(() => service.stop());

async function search(request: Record<string, unknown>): Promise<Json> {
  const reply = await client.post('/api/v1/search', request);
  expect(reply.status, reply.text).toBe(200);
  return reply.body;
}
const namesOf = (found: Json): string[] =>
  found.hits.map((hit: Json) => Object.keys(ids).find((name) => ids[name] === hit.document_id));
const everything = { q: 'tower bridge 휴가 번역 kitten', search_mode: 'bm25' };

describe('a search', () => {
  it('brings passages with where they come from', async () => {
    const found = await search({ q: 'iron tower in Paris' });
    expect(found.hits[0]).toMatchObject({
      document_id: ids.tower,
      version: 1,
      text: corpus[0]?.text,
      char_range: [0, corpus[0]?.text.length],
      source: {
        ...{ title: 'Towers', url: 'https://example.org/tower', author: 'G. E.', language: 'en' },
        content_type: 'text/plain; charset=utf-8',
      },
      taxonomy_path: ['Buildings', 'Iron'],
      metadata: { year: 1889, city: 'Paris', tags: ['iron', 'tall'] },
    });
    expect(found).toMatchObject({
      mode: 'hybrid',
      taxonomy_version: '1.0.0',
      query_analysis: { language: 'en' },
    });
    expect(found.latency).toBeGreaterThan(0);
    const scores = found.hits.map((hit: Json) => hit.score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(found.sources_count).toBe(new Set(found.hits.map((hit: Json) => hit.document_id)).size);
  });

  it('goes by words, by meaning, or by both', async () => {
    const words = await search({ q: 'baby feline napping on a couch', search_mode: 'bm25' });
    expect(namesOf(words)).not.toContain('cats');
    const meaning = await search({ q: 'baby feline napping on a couch', search_mode: 'vector' });
    expect(namesOf(meaning)[0]).toBe('cats');
    expect(meaning.hits[0].keyword_score).toBeNull();
    expect(meaning.hits[0].vector_score).toBeGreaterThan(0.3);
    const both = await search({ q: 'kitten on a couch', search_mode: 'hybrid' });
    expect(namesOf(both)[0]).toBe('cats');
    expect(both.hits[0].keyword_score).toBeGreaterThan(0);
    expect(both.hits[0].vector_score).toBeGreaterThan(0);
    expect((await search({ q: 'kitten', search_mode: 'bm25' })).hits[0].vector_score).toBeNull();
  });

  it('finds a Korean noun behind its particle, and inside a compound', async () => {
    for (const q of ['번역', '번역을', '번역이', '번역은 누가 검토하나요?'])
      expect(namesOf(await search({ q }))[0], q).toBe('translation');
    expect(namesOf(await search({ q: '통번역사', search_mode: 'bm25' }))).toEqual(['translation']);
    expect(namesOf(await search({ q: '휴가', search_mode: 'bm25' }))).toEqual(['leave']);
    const decomposed = await search({ q: '번역'.normalize('NFD'), search_mode: 'bm25' });
    expect(namesOf(decomposed)).toEqual(['translation']);
  });

  it('finds nothing where nothing holds the words', async () => {
    for (const q of ['zyzzyva', '???', '🗼', 'the of and'])
      expect((await search({ q, search_mode: 'bm25' })).hits, q).toEqual([]);
  });

  it('brings no more than asked for', async () => {
    expect((await search({ ...everything, max_results: 2 })).hits).toHaveLength(2);
    expect((await search(everything)).hits).toHaveLength(5);
  });

  it('is the same under its alias', async () => {
    const reply = await client.post('/search', { q: 'tower' });
    expect(reply.body.hits[0].document_id).toBe(ids.tower);
  });
});

describe('highlights', () => {
  it('stand exactly at the words, after emoji and in Hangul', async () => {
    const marked = async (q: string) => {
      const [hit] = (await search({ q, search_mode: 'bm25' })).hits;
      return hit.highlights.map(({ start, end }: { start: number; end: number }) =>
        hit.text.slice(start, end),
      );
    };
    expect(await marked('towers metres')).toEqual(['tower', 'metres', 'tower']);
    expect(await marked('번역')).toEqual(['번역', '번역']);
    expect(await marked('회의')).toEqual(['회의']);
  });

  it('can be left out', async () => {
    const found = await search({ q: 'tower', include_highlights: false });
    expect(found.hits.every((hit: Json) => hit.highlights.length === 0)).toBe(true);
  });
});

describe('canonical_in', () => {
  const under = async (...canonical_in: string[][]) =>
    namesOf(await search({ ...everything, canonical_in })).sort();

  it('lets through what is under a path, whichever of them', async () => {
    expect(await under(['Buildings'])).toEqual(['bridge', 'tower']);
    expect(await under(['Buildings', 'Iron'])).toEqual(['tower']);
    expect(await under(['Buildings', 'Iron'], ['HR'])).toEqual(['leave', 'tower']);
    expect(await under(['언어', '번역'])).toEqual(['translation']);
    expect(await under(['언어'.normalize('NFD')]), 'labels are compared in NFC').toEqual(['translation']);
  });

  it('lets nothing through that is not', async () => {
    expect(await under(['Iron'])).toEqual([]);
    expect(await under(['buildings'])).toEqual([]);
    expect(await under(['Build'])).toEqual([]);
    expect(await under(['Buildings', 'Iron', 'Towers'])).toEqual([]);
    expect(await under(['Iron', 'Buildings'])).toEqual([]);
    expect(await under()).toEqual([]);
    expect(await under(["HR'; drop table documents; --"])).toEqual([]);
  });

  it('holds together with the same filter inside filters', async () => {
    const both = async (canonical_in: string[][], inner: string[][]) =>
      namesOf(await search({ ...everything, canonical_in, filters: { canonical_in: inner } })).sort();
    expect(await both([['Buildings']], [['Buildings', 'Stone']])).toEqual(['bridge']);
    expect(await both([['Buildings', 'Stone']], [['Buildings']])).toEqual(['bridge']);
    expect(await both([['Buildings']], [['HR']])).toEqual([]);
    expect(await both([['Buildings']], [])).toEqual([]);
    expect(await both([['Buildings'], ['HR']], [['HR'], ['언어']])).toEqual(['leave']);
  });

  it('holds in every mode', async () => {
    for (const search_mode of ['hybrid', 'bm25', 'vector']) {
      const found = await search({ ...everything, search_mode, canonical_in: [['HR']] });
      expect(namesOf(found), search_mode).toEqual(['leave']);
    }
  });
});

describe('filters', () => {
  const filtered = async (filters: Record<string, unknown>) =>
    namesOf(await search({ ...everything, filters })).sort();

  it('by document', async () => {
    expect(await filtered({ document_ids: [ids.cats, ids.leave] })).toEqual(['cats', 'leave']);
    expect(await filtered({ document_ids: [] })).toEqual([]);
    expect(await filtered({ document_ids: ['00000000-0000-4000-8000-000000000000'] })).toEqual([]);
  });

  it('by metadata that the document’s contains', async () => {
    expect(await filtered({ metadata: { year: 2024 } })).toEqual(['cats', 'translation']);
    expect(await filtered({ metadata: { tags: ['tall'] } })).toEqual(['tower']);
    expect(await filtered({ metadata: { year: '2024' } })).toEqual([]);
    expect(await filtered({ metadata: { year: 1889, city: 'Prague' } })).toEqual([]);
    expect(await filtered({ metadata: {} })).toHaveLength(5);
  });

  it('all together', async () => {
    expect(await filtered({ metadata: { year: 2024 }, document_ids: [ids.cats, ids.tower] })).toEqual([
      'cats',
    ]);
    expect(await filtered({ metadata: { year: 2024 }, canonical_in: [['Buildings']] })).toEqual([]);
  });
});

describe('min_score', () => {
  it('cuts off what scores less', async () => {
    const all = await search({ q: 'iron tower in Paris' });
    expect(all.hits.length).toBeGreaterThan(1);
    const bar = (all.hits[0].score + all.hits[1].score) / 2;
    const cut = await search({ q: 'iron tower in Paris', min_score: bar });
    expect(namesOf(cut)).toEqual(['tower']);
    expect(cut.sources_count).toBe(1);
    expect((await search({ q: 'iron tower in Paris', min_score: 1 })).hits).toEqual([]);
    expect((await search({ q: 'iron tower in Paris', min_score: 0 })).hits).toEqual(all.hits);
  });
});

describe('the cache', () => {
  it('serves the same search until it is cleared or the corpus changes', async () => {
    const request = { q: 'statues on the river', max_results: 3 };
    const first = await search(request);
    const second = await search(request);
    expect([first.cache, second.cache]).toEqual(['miss', 'hit']);
    expect(second.hits).toEqual(first.hits);
    expect((await search({ ...request, max_results: 4 })).cache).toBe('miss');
    expect((await search({ ...request, canonical_in: [['Buildings']] })).cache).toBe('miss');
    const { body } = await service.admin.post('/api/v1/admin/cache/clear');
    expect(body.cleared).toBeGreaterThanOrEqual(3);
    expect((await search(request)).cache).toBe('miss');
    await addDocuments(service.admin, [{ text: 'Two more statues were put on the river bank.' }]);
    const changed = await search(request);
    expect(changed.cache).toBe('miss');
    expect(changed.hits.map((hit: Json) => hit.text)).toContain(
      'Two more statues were put on the river bank.',
    );
  });
});

describe('max_per_document', () => {
  it('leaves room for other documents, and fills up where there are none', async () => {
    const writer = (await createKey(service, { scope: 'write' })).client;
    const pages = Array.from({ length: 60 }, (_, i) =>
      `Lighthouse number ${i} guards the lighthouse coast. `.repeat(8),
    );
    await addDocuments(writer, [
      { external_id: 'lighthouses', text: pages.join('\n\n') },
      {
        external_id: 'keeper',
        text: 'The keeper cleaned the lamp of the old lighthouse and wrote a long letter home.',
      },
    ]);
    const documentsOf = ({ hits }: Json) => new Set(hits.map((hit: Json) => hit.document_id)).size;
    const asked = { q: 'lighthouse', search_mode: 'bm25', max_results: 2 };
    expect(documentsOf(await search(asked))).toBe(1);
    const diverse = await search({ ...asked, max_per_document: 1 });
    expect(documentsOf(diverse)).toBe(2);
    expect(diverse.hits[0].score).toBeGreaterThanOrEqual(diverse.hits[1].score);
    const filled = await search({ ...asked, max_results: 5, max_per_document: 1 });
    expect(filled.hits).toHaveLength(5);
  });
});
