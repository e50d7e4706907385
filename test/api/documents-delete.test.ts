import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handbook } from '../support/handbook.ts';
import {
  addDocument,
  addDocuments,
  type Client,
  createKey,
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
const remove = (body: unknown, headers?: Record<string, string>) =>
  client.post(`${documents}/delete`, body, headers);
const found = async (q: string): Promise<Json[]> =>
  (await client.post('/api/v1/search', { q, search_mode: 'bm25', max_results: 100 })).body.hits;

/** Tables in which any column of any row holds the word, as text or as bytes. */
async function tablesWith(word: string): Promise<string[]> {
  const tables = await service.sql.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'bullmq')`,
  );
  const holding: string[] = [];
  for (const { name } of tables) {
    const rows = await service.sql.query(
      `select from ${name} t where t::text ilike '%' || $1::text || '%'
          or t::text like '%' || encode(convert_to($1::text, 'UTF8'), 'hex') || '%' limit 1`,
      [word],
    );
    if (rows.length > 0) holding.push(name);
  }
  return holding;
}

describe('deleting by external_id', () => {
  it('is the same as by id, and finds the one that is being deleted', async () => {
    const { id } = await addDocument(client, { text: 'The dugong grazes.', external_id: 'sea/dugong 1' });
    const path = `${documents}?external_id=${encodeURIComponent('sea/dugong 1')}`;
    const first = await client.delete(path);
    expect(first).toMatchObject({ status: 202, body: { verb: 'delete_document', target: id } });
    expect(await found('dugong')).toEqual([]);
    const again = await client.delete(path);
    if (again.status !== 404) expect(again.body.id, 'one operation').toBe(first.body.id);
    const { receipt, progress } = await ended(client, first.body.links.self);
    expect([progress, receipt]).toMatchObject([1, { documents: 1, versions: 1, chunks: 1, residual: 0 }]);
    expect((await client.delete(path)).body.code).toBe('not_found');
  });

  it('needs one', async () => {
    const nothing = await client.delete(documents);
    expect(nothing).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(nothing.body.errors[0].pointer).toBe('/query/external_id');
    expect((await client.delete(`${documents}?external_id=`)).status).toBe(422);
  });
});

describe('deleting by filter', () => {
  it.each([
    {},
    { dry_run: true },
    { filters: {} },
    { filters: { metadata: {} } },
    { filters: { canonical_in: [] } },
    { filters: { canonical_in: [[]] } },
    { filters: { document_ids: [] } },
    { external_ids: [] },
    { external_id_prefix: '' },
    { filter: { metadata: { a: 1 } } },
  ])('refuses %j, which could mean every document', async (body) => {
    const before = await service.sql.query('select id from documents where deleted_at is null');
    const reply = await remove(body);
    expect(reply, reply.text).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(reply.body.errors[0].message).toBeTruthy();
    expect(await service.sql.query('select id from documents where deleted_at is null')).toEqual(before);
  });

  it('removes what matches, all of it hidden at once, as one operation with one receipt', async () => {
    const items = Array.from({ length: 75 }, (_, n) => ({
      external_id: `harbour-${n}`,
      text: `Harbour number ${n} has a crane.`,
      taxonomy_path: n % 5 === 0 ? ['Ports', 'Old'] : ['Ports', 'New'],
      metadata: { country: n < 70 ? 'KR' : 'JP', n },
    }));
    const added = await addDocuments(client, items);
    expect((await found('harbour')).length).toBe(75);
    const body = { filters: { metadata: { country: 'KR' }, canonical_in: [['Ports', 'New']] } };
    expect(await remove({ ...body, dry_run: true })).toMatchObject({
      status: 200,
      body: { dry_run: true, matched: 56 },
    });
    const headers = { 'Idempotency-Key': 'delete-the-harbours' };
    const reply = await remove(body, headers);
    expect(reply).toMatchObject({ status: 202, body: { verb: 'delete_documents', target: null } });
    const left = await found('harbour');
    expect(left.every(({ metadata }) => metadata.country === 'JP' || metadata.n % 5 === 0)).toBe(true);
    expect(left.length, 'more than so many are taken out of the index in steps').toBeLessThanOrEqual(19);
    const operation = await ended(client, reply.body.links.self);
    expect(operation.receipt).toMatchObject({
      ...{ documents: 56, versions: 56, chunks: 56, vectors: 56, blobs: 0, items: 56, residual: 0 },
    });
    expect(await found('harbour')).toHaveLength(19);
    const replayed = await remove(body, headers);
    expect([replayed.headers.get('idempotency-replayed'), replayed.body.id]).toEqual(['true', operation.id]);
    const gone = added.filter(({ metadata }) => metadata.country === 'KR' && metadata.n % 5 !== 0);
    expect((await client.get(`${documents}/${gone[0].id}`)).status).toBe(404);
    const none = await ended(client, (await remove(body)).body.links.self);
    expect(none).toMatchObject({ status: 'completed', receipt: { documents: 0, residual: 0 } });
    const [counted] = await service.sql.query<Json>(
      `select s.live_chunks::int = count(*)::int and s.live_words::int = sum(c.word_count)::int as exact
         from corpus_state s, chunks c where c.live group by s.live_chunks, s.live_words`,
    );
    expect(counted.exact).toBe(true);
  });

  it('by name, by the beginning of the name and by age', async () => {
    const names = ['crate-1', 'crate-2', 'crate_3', 'barrel-1'];
    await addDocuments(
      client,
      names.map((external_id) => ({ external_id, text: `About ${external_id}.` })),
    );
    const matched = async (body: Json) => (await remove({ ...body, dry_run: true })).body.matched;
    expect(await matched({ external_ids: ['crate-1', 'barrel-1', 'no-such'] })).toBe(2);
    expect(await matched({ external_id_prefix: 'crate-' })).toBe(2);
    expect(await matched({ external_id_prefix: 'crate', created_before: '2000-01-01T00:00:00Z' })).toBe(0);
    const future = '2999-01-01T00:00:00Z';
    expect(await matched({ external_id_prefix: 'crate', created_before: future })).toBe(3);
    const { body } = await remove({ external_id_prefix: 'crate_', updated_before: future });
    expect((await ended(client, body.links.self)).receipt).toMatchObject({ documents: 1, residual: 0 });
    const left = await client.get(`${documents}?external_id=crate-1`);
    expect(left.body.items).toHaveLength(1);
  });
});

describe('what cites a deleted document', () => {
  it('says so from the next read on, and nothing of it is left in any table', async () => {
    await addDocuments(client, handbook);
    const secret = 'zyzzogeton';
    const batch = await client.post('/api/v1/ingestion-batches', {
      items: [
        {
          external_id: `${secret}/leaflet`,
          title: `Leaflet ${secret}`,
          metadata: { owner: secret },
          text: `The night ferry to Jeju leaves from pier nine, says captain ${secret}.`,
        },
      ],
    });
    expect((await ended(client, batch.body.links.self)).counts.completed).toBe(1);
    const [item] = (await client.get(batch.body.links.items)).body.items;
    const question = { question: 'From which pier does the night ferry to Jeju leave?' };
    const keyed = { 'Idempotency-Key': 'ask-once', Prefer: 'wait=60' };
    const asked = await client.post('/api/v1/answers', question, keyed);
    expect(asked).toMatchObject({ status: 200, body: { status: 'completed', sources_deleted: 0 } });
    expect(asked.body.answer).toContain(secret);
    expect(asked.body.sources[0]).toMatchObject({ document_id: item.document_id, deleted: false });
    const path = `/api/v1/answers/${asked.body.id}`;
    const etag = (await client.get(path)).headers.get('etag') as string;
    expect((await client.get(path, { headers: { 'If-None-Match': etag } })).status).toBe(304);
    const update = { external_id: `${secret}/leaflet`, title: secret, text: `No ferry any more. ${secret}` };
    const posted = await client.post(documents, update, { 'Idempotency-Key': 'post-once' });
    await documentReady(client, posted.body.id);
    expect(await tablesWith(secret)).not.toEqual([]);

    const { body: operation } = await client.delete(`${documents}/${item.document_id}`);
    const read = await client.get(path, { headers: { 'If-None-Match': etag } });
    expect(read.status, 'it has changed').toBe(200);
    expect(read.text).not.toContain(secret);
    const cited = asked.body.sources.filter((source: Json) => source.document_id === item.document_id);
    expect(read.body.sources_deleted).toBe(cited.length);
    expect(read.body.sources[0]).toMatchObject({
      ...{ document_id: item.document_id, version: 1, n: 1, deleted: true, verified: false },
      ...{ title: null, text: '', quote: '', answer_spans: [] },
    });
    const { receipt } = await ended(client, operation.links.self);
    expect(receipt).toMatchObject({
      documents: 1,
      versions: 2,
      items: 1,
      answers: 2,
      replies: 1,
      residual: 0,
    });
    expect(await tablesWith(secret)).toEqual([]);

    const again = await client.post('/api/v1/answers', question, keyed);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body).toMatchObject({ id: asked.body.id, sources_deleted: cited.length });
    const reposted = await client.post(documents, update, { 'Idempotency-Key': 'post-once' });
    expect(reposted.body, 'a late repetition does not bring it back').toMatchObject({
      ...{ id: posted.body.id, status: 'deleted', is_terminal: true, title: null, metadata: {} },
    });
    const { body } = await client.get(batch.body.links.items);
    expect(body.items).toMatchObject([{ n: 0, document_id: item.document_id, external_id: null }]);
    expect((await client.get(batch.body.links.self)).body.counts.total).toBe(1);
  });
});
