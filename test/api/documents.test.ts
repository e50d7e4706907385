import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileForm } from '../support/http.ts';
import {
  addDocument,
  addDocuments,
  type Client,
  countRows,
  createKey,
  documentEnded,
  documentReady,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let service: TestService;
let client: Client;
beforeAll(async () => {
  service = await startService();
  client = (await createKey(service, { scope: 'write' })).client;
});
afterAll(() => service.stop());

const documents = '/api/v1/documents';
/** Only what holds the words is found by bm25; hybrid ranks every chunk of so small a corpus. */
const search = async (q: string, search_mode = 'bm25'): Promise<Json> =>
  (await client.post('/api/v1/search', { q, search_mode })).body;
const foundIds = (found: Json): string[] => found.hits.map((hit: Json) => hit.document_id);

describe('a document as text', () => {
  it('is accepted at once, ready later, and says how to ask', async () => {
    const reply = await client.post(documents, {
      text: 'Quokkas live on Rottnest Island.',
      ...{
        title: 'Quokkas',
        external_id: 'quokka',
        source_url: 'https://example.org/quokka',
        author: 'R. Nest',
      },
      ...{ language: 'en', taxonomy_path: ['Animals', 'Marsupials'], metadata: { year: 2024, tags: ['a'] } },
    });
    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({
      status: 'queued',
      is_terminal: false,
      version: 1,
      live_version: null,
    });
    expect(reply.headers.get('location')).toBe(`${documents}/${reply.body.id}`);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(reply.body.poll_after_ms).toBeGreaterThan(0);
    const ready = await documentReady(client, reply.body.id);
    expect(ready).toMatchObject({
      ...{
        title: 'Quokkas',
        external_id: 'quokka',
        source_url: 'https://example.org/quokka',
        author: 'R. Nest',
      },
      ...{ language: 'en', taxonomy_path: ['Animals', 'Marsupials'], metadata: { year: 2024, tags: ['a'] } },
      ...{
        version: 1,
        live_version: 1,
        progress: 1,
        chunk_count: 1,
        error: null,
        stage: null,
        poll_after_ms: null,
      },
    });
    expect(foundIds(await search('quokkas'))).toContain(ready.id);
  });

  it('keeps the text to the letter, in NFC', async () => {
    const text = '번역 e\u0301 🦘 \r\n끝';
    const { id, bytes } = await addDocument(client, { text });
    const stored = await client.get(`${documents}/${id}/versions/1/text`);
    expect(stored.text).toBe(text.normalize('NFC'));
    expect(bytes).toBe(Buffer.byteLength(stored.text));
    expect(stored.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });
});

describe('a document as a file', () => {
  it('is accepted with the same fields, and its text can be read', async () => {
    const form = fileForm(
      { name: '휴가 규정.md', bytes: '# 휴가 규정\n\n연차는 15일입니다.\n', type: 'text/markdown' },
      { external_id: 'leave', taxonomy_path: '["HR","Leave"]', metadata: '{"team":"hr"}', priority: '1' },
    );
    const reply = await client.call('POST', documents, { form });
    expect(reply.status, reply.text).toBe(202);
    const ready = await documentReady(client, reply.body.id);
    expect(ready).toMatchObject({
      ...{ external_id: 'leave', taxonomy_path: ['HR', 'Leave'], metadata: { team: 'hr' } },
      ...{ title: '휴가 규정', language: 'ko', content_type: 'text/markdown' },
    });
    const { text } = await client.get(ready.links.text);
    expect(text).toContain('연차는 15일입니다.');
    const { hits } = await search('연차');
    expect(hits[0]).toMatchObject({ document_id: ready.id, source: { title: '휴가 규정', language: 'ko' } });
  });

  it('that is corrupt fails with a code and a sentence, and can be mended by a new version', async () => {
    const corrupt = '%PDF-1.7\nthis is no PDF at all\n%%EOF';
    const post = async (bytes: string, name: string) =>
      (await client.call('POST', documents, { form: fileForm({ name, bytes }, { external_id: 'broken' }) }))
        .body;
    const failed = await documentEnded(client, (await post(corrupt, 'broken.pdf')).id);
    expect(failed).toMatchObject({
      status: 'failed',
      is_terminal: true,
      live_version: null,
      error: { code: 'document_unreadable', retryable: false, detail: expect.stringMatching(/^[A-Z].+\.$/) },
    });
    expect(failed.error.detail).not.toMatch(/\/|node_modules|\.ts/);
    expect((await client.get(`${documents}/${failed.id}/versions`)).body.items[0].error).toEqual(
      failed.error,
    );
    const mended = await documentReady(client, (await post('It is mended.', 'fine.txt')).id);
    expect(mended).toMatchObject({ id: failed.id, version: 2, live_version: 2, error: null });
  });
});

describe('external_id', () => {
  it('makes a new version of the same document, which replaces the old one in search', async () => {
    const first = await addDocument(client, {
      external_id: 'policy',
      text: 'The kumquat rule is old.',
      title: 'Old',
    });
    const second = await addDocument(client, {
      external_id: 'policy',
      text: 'The kumquat rule is new.',
      title: 'New',
    });
    expect(second).toMatchObject({ id: first.id, version: 2, live_version: 2, title: 'New' });
    const { hits } = await search('kumquat');
    expect(hits.map((hit: Json) => [hit.text, hit.version])).toEqual([['The kumquat rule is new.', 2]]);
    const { items } = (await client.get(first.links.versions)).body;
    expect(items.map((item: Json) => [item.version, item.live, item.status])).toEqual([
      [2, true, 'ready'],
      [1, false, 'ready'],
    ]);
    expect((await client.get(`${first.links.self}/versions/1/text`)).text).toBe('The kumquat rule is old.');
  });

  it('with the same content changes nothing', async () => {
    const document = { external_id: 'same', text: 'Always the same.', metadata: { a: 1 } };
    const first = await addDocument(client, document);
    const again = await client.post(documents, document);
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first);
    const other = await client.post(documents, { ...document, metadata: { a: 2 } });
    expect(other).toMatchObject({ status: 202, body: { id: first.id, version: 2 } });
    expect((await documentReady(client, first.id)).metadata).toEqual({ a: 2 });
  });

  it('brought by many at once is one document', async () => {
    const post = (n: number) => client.post(documents, { external_id: 'crowd', text: `Number ${n % 3}.` });
    const replies = await Promise.all(Array.from({ length: 12 }, (_, n) => post(n)));
    expect(replies.every(({ status }) => status === 202 || status === 200)).toBe(true);
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    const last = await documentReady(client, replies[0]?.body.id);
    expect(last.live_version).toBe(last.version);
    expect((await client.get(`${documents}?external_id=crowd`)).body.items).toHaveLength(1);
  });

  it('brought by batches in opposite orders is still one document each', async () => {
    const items = Array.from({ length: 30 }, (_, n) => ({
      text: `Opposite number ${n}.`,
      external_id: `opposite-${n}`,
    }));
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        client.post('/api/v1/ingestion-batches', { items: n % 2 ? items : items.toReversed() }),
      ),
    );
    for (const { status, body, text } of replies) {
      expect(status, text).toBe(202);
      expect((await ended(client, body.links.self)).counts).toMatchObject({ total: 30, failed: 0 });
    }
    const [{ n }] = (await service.sql.query<Json>(
      `select count(*)::int as n from documents where external_id like 'opposite-%'`,
    )) as [Json];
    expect(n).toBe(30);
  });
});

describe('the list', () => {
  it('comes newest first, in pages that neither repeat nor skip, also within one batch', async () => {
    const items = Array.from({ length: 7 }, (_, n) => ({
      text: `Page number ${n}.`,
      external_id: `page-${n}`,
    }));
    const added = await addDocuments(client, items);
    // Real Postgres counts microseconds, the embedded one's clock milliseconds.
    await service.sql.query(`update documents set created_at = created_at + interval '123 microseconds'`);
    const seen: Json[] = [];
    let cursor: string | null = null;
    do {
      const query = cursor === null ? '' : `&cursor=${cursor}`;
      const { body }: Json = await client.get(`${documents}?limit=3${query}`);
      expect(body.items.length).toBeLessThanOrEqual(3);
      seen.push(...body.items);
      cursor = body.next_cursor;
    } while (cursor !== null);
    const total = await countRows(service.sql, ['documents']);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
    expect(seen).toHaveLength(total.documents as number);
    expect(new Set(seen.slice(0, 7).map(({ id }) => id))).toEqual(new Set(added.map(({ id }) => id)));
    const times = seen.map(({ created_at }) => Date.parse(created_at));
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(seen[0]).not.toHaveProperty('position');
  });

  it('can be narrowed', async () => {
    const one = (await client.get(`${documents}?external_id=page-3`)).body;
    expect(one.items.map((item: Json) => item.external_id)).toEqual(['page-3']);
    expect(one.next_cursor).toBeNull();
    const begun = async (prefix: string) =>
      (await client.get(`${documents}?external_id_prefix=${prefix}`)).body.items.length;
    expect([await begun('page-'), await begun('page-3'), await begun('page_')]).toEqual([7, 1, 0]);
    const failed = (await client.get(`${documents}?status=failed`)).body.items;
    expect(failed.every((item: Json) => item.status === 'failed')).toBe(true);
  });
});

describe('chunks', () => {
  it('are slices of the text at their char_range, with emoji and Hangul', async () => {
    const line = (n: number) => `${n}. 안녕하세요 🦘👩‍🚀 — the ${n}th sentence of 번역 𝒳 ends here.`;
    const given = Array.from({ length: 400 }, (_, n) => line(n)).join('\n');
    const { id, chunk_count } = await addDocument(client, { text: given, title: 'Long' });
    const { text } = await client.get(`${documents}/${id}/versions/1/text`);
    expect(text).toBe(given);
    const first = (await client.get(`${documents}/${id}/chunks?limit=2`)).body;
    const rest = (await client.get(`${documents}/${id}/chunks?limit=200&cursor=${first.next_cursor}`)).body;
    const chunks: Json[] = [...first.items, ...rest.items];
    expect(chunk_count).toBeGreaterThan(3);
    expect(chunks.map(({ n }) => n)).toEqual(Array.from({ length: chunk_count }, (_, n) => n));
    for (const { char_range, text: own } of chunks) expect(text.slice(...char_range)).toBe(own);
    expect(
      chunks.every(({ text: own }) => !/\p{Surrogate}/u.test(own)),
      'no pair is cut',
    ).toBe(true);
    let covered = 0;
    for (const { char_range } of chunks) {
      expect(text.slice(covered, Math.max(covered, char_range[0])).trim(), 'nothing is left out').toBe('');
      covered = Math.max(covered, char_range[1]);
    }
    expect(text.slice(covered).trim()).toBe('');
  });
});

describe('taxonomy paths', () => {
  it('are created with their ancestors, and count documents at or below', async () => {
    await addDocument(client, { text: 'About gneiss.', taxonomy_path: ['Rocks', 'Metamorphic', 'Gneiss'] });
    const [inForce] = (await client.get('/api/v1/taxonomy/versions')).body.items;
    const { nodes } = (await client.get(`/api/v1/taxonomy/${inForce.version}/tree`)).body;
    const rocks = nodes.filter((node: Json) => node.path[0] === 'Rocks');
    expect(rocks.map((node: Json) => [node.path.join('/'), node.label, node.documents])).toEqual([
      ['Rocks', 'Rocks', 1],
      ['Rocks/Metamorphic', 'Metamorphic', 1],
      ['Rocks/Metamorphic/Gneiss', 'Gneiss', 1],
    ]);
  });
});

describe('deleting', () => {
  it('hides the document from the very next search, cached ones too, and counts what went', async () => {
    const { id, chunk_count } = await addDocument(client, {
      text: 'The axolotl regrows limbs.',
      external_id: 'axolotl',
    });
    expect(foundIds(await search('axolotl'))).toEqual([id]);
    expect(foundIds(await search('axolotl', 'hybrid'))).toContain(id);
    expect(await search('axolotl')).toMatchObject({ cache: 'hit' });
    expect(await search('axolotl', 'hybrid')).toMatchObject({ cache: 'hit' });
    // Not asked again: a search after the delete takes the place of its own old entry.
    for (const q of ['axolotl limbs', 'axolotl regrows']) expect(foundIds(await search(q))).toEqual([id]);
    const reply = await client.delete(`${documents}/${id}`);
    expect(reply).toMatchObject({ status: 202, body: { verb: 'delete_document', target: id } });
    expect(reply.headers.get('location')).toBe(reply.body.links.self);
    expect(foundIds(await search('axolotl'))).toEqual([]);
    expect(foundIds(await search('axolotl', 'hybrid'))).not.toContain(id);
    expect((await client.get(`${documents}/${id}`)).status).toBe(404);
    expect((await client.get(`${documents}/${id}/versions/1/text`)).status).toBe(404);
    const operation = await ended(client, reply.body.links.self);
    expect(operation).toMatchObject({
      status: 'completed',
      error: null,
      receipt: {
        documents: 1,
        versions: 1,
        chunks: chunk_count,
        vectors: chunk_count,
        blobs: 0,
        residual: 0,
      },
    });
    expect(operation.receipt.cache_entries).toBeGreaterThanOrEqual(2);
    const left = await service.sql.query(
      `select 1 from document_versions where document_id = $1 union all select 1 from chunks where document_id = $1
        union all select 1 from query_cache where value::text like '%' || $1::text || '%'`,
      [id],
    );
    expect(left).toEqual([]);
    expect((await client.delete(`${documents}/${id}`)).status).toBe(404);
    const again = await addDocument(client, { text: 'The axolotl is back.', external_id: 'axolotl' });
    expect(again).toMatchObject({ version: 1 });
    expect(again.id).not.toBe(id);
  });

  it('takes the bytes of files along, also of one that is still being read', async () => {
    const form = fileForm({ name: 'x.txt', bytes: 'The pangolin rolls up. '.repeat(2000) });
    const { id } = (await client.call('POST', documents, { form })).body;
    const { links } = (await client.delete(`${documents}/${id}`)).body;
    expect(await ended(client, links.self)).toMatchObject({
      status: 'completed',
      receipt: { blobs: 1, residual: 0 },
    });
    expect(foundIds(await search('pangolin'))).toEqual([]);
  });

  it('leaves the statistics of the corpus exact', async () => {
    const [state] = await service.sql.query<Json>(
      'select live_chunks::int, live_words::int from corpus_state',
    );
    const [sums] = await service.sql.query<Json>(
      'select count(*)::int as live_chunks, coalesce(sum(word_count), 0)::int as live_words from chunks where live',
    );
    expect(state).toEqual(sums);
  });
});

describe('Idempotency-Key', () => {
  const post = (key: string, body: Record<string, unknown>) =>
    client.post(documents, body, { 'Idempotency-Key': key });

  it('gives the first response again for the same body, and refuses another one', async () => {
    const first = await post('once', { text: 'Said once.' });
    const again = await post('once', { text: 'Said once.' });
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect([again.status, again.body, again.headers.get('location')]).toEqual([
      first.status,
      first.body,
      first.headers.get('location'),
    ]);
    expect(await post('once', { text: 'Said otherwise.' })).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch', retryable: false },
    });
    const { client: other } = await createKey(service, { scope: 'write' });
    const theirs = await other.post(documents, { text: 'Said otherwise.' }, { 'Idempotency-Key': 'once' });
    expect(theirs.status, 'each API key has its own').toBe(202);
  });

  it('tells files apart by their bytes, not by their length', async () => {
    const upload = (bytes: string) =>
      client.call('POST', documents, {
        form: fileForm({ name: 'note.txt', bytes }),
        headers: { 'Idempotency-Key': 'file' },
      });
    const first = await upload('aaaa bbbb');
    expect(first.status).toBe(202);
    const again = await upload('aaaa bbbb');
    expect([again.headers.get('idempotency-replayed'), again.body.id]).toEqual(['true', first.body.id]);
    expect((await upload('bbbb aaaa')).body.code).toBe('idempotency_mismatch');
  });

  it('makes one document of twenty requests at once', async () => {
    const before = await countRows(service.sql, ['documents']);
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => post('crowd', { text: 'Said by twenty.' })),
    );
    const after = await countRows(service.sql, ['documents']);
    expect((after.documents as number) - (before.documents as number)).toBe(1);
    const accepted = replies.filter(({ status }) => status === 202);
    const running = replies.filter(({ status }) => status === 409);
    expect(accepted.length + running.length).toBe(20);
    expect(new Set(accepted.map(({ body }) => body.id)).size).toBe(1);
    for (const reply of running) {
      expect(reply.body).toMatchObject({ code: 'idempotency_in_progress', retryable: true });
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect((await post('crowd', { text: 'Said by twenty.' })).body.id).toBe(accepted[0]?.body.id);
  });
});
