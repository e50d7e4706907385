import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GeminiStandIn, startGeminiStandIn } from '../support/gemini-stand-in.ts';
import { fileForm } from '../support/http.ts';
import {
  addDocument,
  type Client,
  createKey,
  documentReady,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let standIn: GeminiStandIn;
let service: TestService;
let client: Client;
let keyId: string;
beforeAll(async () => {
  standIn = await startGeminiStandIn();
  service = await startService({
    ...{ EMBEDDING_PROVIDER: 'gemini', EMBEDDING_DIMENSIONS: '96' },
    ...{ GEMINI_API_KEY: 'a-key-of-the-stand-in', GEMINI_BASE_URL: standIn.url },
  });
  const key = await createKey(service, { scope: 'write' });
  client = key.client;
  keyId = key.id;
});
afterAll(async () => {
  await service.stop();
  await standIn.close();
});
beforeEach(() => {
  standIn.requests.length = 0;
});

const documents = '/api/v1/documents';
/** Passages that the model was paid for since the test began. */
const paid = () =>
  standIn.requests.flatMap(({ body }) =>
    (body.requests ?? [])
      .filter(({ taskType }) => taskType === 'RETRIEVAL_DOCUMENT')
      .map(({ content }) => content.parts[0]?.text ?? ''),
  );
const found = async (q: string): Promise<Json[]> =>
  (await client.post('/api/v1/search', { q, search_mode: 'bm25' })).body.hits;
const restore = (id: string, n: number) => client.post(`${documents}/${id}/versions/${n}/restore`);

const first = {
  external_id: 'rules',
  text: 'The pilot boards at the outer buoy.',
  ...{ title: 'Rules', author: 'A. Harbourmaster', taxonomy_path: ['Sea'] },
  metadata: { year: 2023, tags: ['a', 'b'], draft: true },
};
const second = {
  ...{ external_id: 'rules', text: 'The pilot boards at the inner buoy.', title: 'Rules' },
  ...{
    language: 'en',
    taxonomy_path: ['Sea', 'Port'],
    metadata: { year: 2024, tags: ['a', 'b'], by: 'council' },
  },
};

describe('the history of a document', () => {
  let id: string;
  beforeAll(async () => {
    id = (await addDocument(client, first)).id;
    await addDocument(service.admin, second);
  });

  it('keeps what was said of each version, by whom and when', async () => {
    const { items, next_cursor } = (await client.get(`${documents}/${id}/versions`)).body;
    expect(next_cursor).toBeNull();
    expect(items).toMatchObject([
      {
        ...{ version: 2, live: true, status: 'ready', content_kept: true, restored_from: null },
        attributes: { title: 'Rules', author: null, language: 'en', metadata: second.metadata },
        created_by: { name: 'ADMIN_API_KEY' },
      },
      {
        ...{ version: 1, live: false, status: 'ready', content_kept: true },
        attributes: { author: 'A. Harbourmaster', taxonomy_path: ['Sea'], metadata: first.metadata },
        created_by: { id: keyId, name: 'write key of a test' },
      },
    ]);
    const one = await client.get(`${documents}/${id}/versions/1`);
    expect(one.body).toEqual(items[1]);
    expect((await client.get(one.body.links.text)).text).toBe(first.text);
    const page = (await client.get(`${documents}/${id}/versions?limit=1`)).body;
    expect([page.items.length, page.next_cursor]).toEqual([1, '2']);
    const rest = (await client.get(`${documents}/${id}/versions?limit=1&cursor=2`)).body;
    expect(rest).toEqual({ items: [items[1]], next_cursor: null });
  });

  it('tells two versions apart', async () => {
    const diff = (await client.get(`${documents}/${id}/versions/2/diff`)).body;
    expect(diff).toEqual({
      ...{ document_id: id, from: 1, to: 2 },
      attributes: {
        added: { language: 'en' },
        removed: { author: 'A. Harbourmaster' },
        changed: { taxonomy_path: { from: ['Sea'], to: ['Sea', 'Port'] } },
      },
      metadata: {
        added: { by: 'council' },
        removed: { draft: true },
        changed: { year: { from: 2023, to: 2024 } },
      },
      content_type: { from: 'text/plain; charset=utf-8', to: 'text/plain; charset=utf-8' },
      file_name: { from: null, to: null },
      bytes: { from: 35, to: 35 },
      chunk_count: { from: 1, to: 1 },
      text: { changed: true, bytes: { from: 35, to: 35 } },
    });
    const back = (await client.get(`${documents}/${id}/versions/1/diff?against=2`)).body;
    expect(back.metadata).toEqual({
      ...{ added: { draft: true }, removed: { by: 'council' } },
      changed: { year: { from: 2024, to: 2023 } },
    });
    const same = (await client.get(`${documents}/${id}/versions/1/diff`)).body;
    expect([same.from, same.text.changed, same.metadata.changed]).toEqual([1, false, {}]);
    for (const path of ['versions/9', 'versions/2/diff?against=9', 'versions/9/diff'])
      expect((await client.get(`${documents}/${id}/${path}`)).status).toBe(404);
    expect((await client.get(`${documents}/${id}/versions/2/diff?against=0`)).status).toBe(422);
  });

  it('can be gone back to, without paying the model again', async () => {
    expect((await found('outer')).length).toBe(0);
    const reply = await restore(id, 1);
    expect(reply).toMatchObject({ status: 202, body: { id, version: 3, is_terminal: false } });
    const document = await documentReady(client, id);
    expect(document).toMatchObject({
      ...{ version: 3, live_version: 3, author: 'A. Harbourmaster', metadata: first.metadata },
    });
    expect((await found('outer')).map((hit: Json) => hit.version)).toEqual([3]);
    expect(await found('inner')).toEqual([]);
    expect(paid()).toEqual([]);
    const version = (await client.get(`${documents}/${id}/versions/3`)).body;
    expect(version).toMatchObject({ live: true, restored_from: 1, created_by: { id: keyId } });
    expect(await restore(id, 1), 'again is nothing new').toMatchObject({ status: 200, body: { version: 3 } });
    expect(await restore(id, 3)).toMatchObject({ status: 200, body: { version: 3 } });
    expect((await restore(id, 9)).body).toMatchObject({ status: 404, code: 'not_found' });
    const metrics = (await service.anonymous.get('/metrics')).text;
    expect(metrics).toMatch(/^rag_vectors_reused_total\{model="gemini-embedding-001@96"\} 1$/m);
  });

  it('ends with the document', async () => {
    const { body } = await client.delete(`${documents}/${id}`);
    expect((await restore(id, 1)).status).toBe(404);
    expect((await client.get(`${documents}/${id}/versions/1`)).status).toBe(404);
    const { receipt } = await ended(client, body.links.self);
    expect(receipt).toMatchObject({ versions: 3, chunks: 1, vectors: 3, residual: 0 });
  });
});

describe('a version that says other things of the same content', () => {
  it('costs nothing, and one that says the same in another order is none', async () => {
    const text = 'The lock gate opens at noon.';
    const before = await addDocument(client, {
      external_id: 'gate',
      text,
      metadata: { a: 1, b: { c: 2, d: 3 } },
    });
    expect(paid()).toHaveLength(1);
    const again = await client.post(documents, {
      metadata: { b: { d: 3, c: 2 }, a: 1 },
      text,
      external_id: 'gate',
    });
    expect(again).toMatchObject({ status: 200, body: { version: 1 } });
    const after = await addDocument(client, { external_id: 'gate', text, metadata: { a: 2 } });
    expect(after).toMatchObject({ id: before.id, version: 2, live_version: 2, metadata: { a: 2 } });
    expect(paid()).toHaveLength(1);
    expect((await found('gate')).map(({ metadata }) => metadata)).toEqual([{ a: 2 }]);
  });

  it('is restored from the bytes of its file', async () => {
    const bytes = '# Tide tables\n\nHigh water at seven.\n';
    const upload = async (content: string) => {
      const form = fileForm(
        { name: 'tides.md', bytes: content, type: 'text/markdown' },
        { external_id: 'tides' },
      );
      return documentReady(client, (await client.call('POST', documents, { form })).body.id);
    };
    const { id } = await upload(bytes);
    await upload('# Tide tables\n\nHigh water at nine.\n');
    const asked = paid().length;
    expect((await restore(id, 1)).status).toBe(202);
    expect(await documentReady(client, id)).toMatchObject({ version: 3, title: 'Tide tables' });
    expect((await client.get(`${documents}/${id}/versions/3/text`)).text).toContain('at seven');
    expect((await found('seven')).map(({ document_id }) => document_id)).toEqual([id]);
    expect(paid()).toHaveLength(asked);
    const [{ n }] = (await service.sql.query<Json>(
      'select count(*)::int as n from blob_parts where document_id = $1',
      [id],
    )) as [Json];
    expect(n, 'every version has its bytes').toBe(3);
  });
});
