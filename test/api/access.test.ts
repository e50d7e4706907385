import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSides, type Side } from '../support/access-sides.ts';
import { walk } from '../support/access-walk.ts';
import { fileForm } from '../support/http.ts';
import {
  addDocument,
  addDocuments,
  ask,
  type Client,
  createKey,
  documentReady,
  ended,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ WEBHOOK_PRIVATE_ADDRESSES: 'allow' });
});
afterAll(() => service.stop());

const documents = '/api/v1/documents';
const keys = '/api/v1/admin/api-keys';
const restricted = async (...permissions: string[]): Promise<Client> =>
  (await createKey(service, { scope: 'write', permissions })).client;
const found = async (client: Client, body: Json): Promise<Json> =>
  (await client.post('/api/v1/search', { max_results: 100, ...body })).body;
const titles = async (client: Client, body: Json): Promise<string[]> =>
  (await found(client, body)).hits.map(({ source }: Json) => source.title).sort();

describe('permissions of a key', () => {
  it.each([
    'collection:',
    'collection:a b',
    'collection:/',
    'taxonomy:',
    'taxonomy:HR//Leave',
    'taxonomy:HR~2',
    'group:x',
    'collection',
  ])('may not be %s', async (entry) => {
    const reply = await service.admin.post(keys, { name: 'odd', scope: 'read', permissions: [entry] });
    expect(reply, reply.text).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(reply.body.errors[0]).toMatchObject({ pointer: '/permissions/0' });
  });

  it('restrict no admin key', async () => {
    const body = { name: 'half an admin', scope: 'admin', permissions: ['collection:a'] };
    const reply = await service.admin.post(keys, body);
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ pointer: '/permissions' }] } });
  });

  it('are shown, in one spelling', async () => {
    const given = ['collection:계약', 'taxonomy:HR/Leave', 'taxonomy:A~1B/~0'];
    const decomposed = given.map((entry) => entry.normalize('NFD'));
    const reply = await service.admin.post(keys, { name: 'k', scope: 'read', permissions: decomposed });
    expect(reply).toMatchObject({ status: 201, body: { key_info: { permissions: given } } });
  });
});

describe('collections', () => {
  it('hold one document of a name each, and are named wherever documents are', async () => {
    const { admin } = service;
    const add = (collection: string | undefined, text: string) =>
      addDocument(admin, { external_id: 'charter', title: collection ?? 'none', text, collection });
    const ours = await add('ours', 'The heron waits in our reeds.');
    const theirs = await add('theirs', 'The heron waits in their reeds.');
    const plain = await add(undefined, 'The heron waits in anybody’s reeds.');
    expect([ours, theirs, plain].map(({ collection }) => collection)).toEqual(['ours', 'theirs', 'default']);
    const again = await add('theirs', 'The heron has left their reeds.');
    expect([again.id, again.version]).toEqual([theirs.id, 2]);
    const same = { external_id: 'charter', title: 'ours', text: 'The heron waits in our reeds.' };
    expect(await admin.post(documents, { ...same, collection: 'ours' })).toMatchObject({
      ...{ status: 200, body: { id: ours.id, version: 1 } },
    });

    expect(await titles(admin, { q: 'heron' })).toEqual(['none', 'ours', 'theirs']);
    const filters = { collections: ['ours', 'theirs'] };
    expect(await titles(admin, { q: 'heron', filters })).toEqual(['ours', 'theirs']);
    expect(await titles(admin, { q: 'heron', filters: { collections: [] } })).toEqual([]);
    const answer = await ask(admin, {
      question: 'Where does the heron wait?',
      filters: { collections: ['ours'] },
    });
    expect(answer.sources.map(({ document_id }: Json) => document_id)).toEqual([ours.id]);
    const listed = (await admin.get(`${documents}?collection=theirs`)).body.items;
    expect(listed.map(({ id }: Json) => id)).toEqual([theirs.id]);
    expect((await admin.get(`${documents}?external_id=charter`)).body.items).toHaveLength(3);

    const selection = { external_ids: ['charter'], dry_run: true };
    const matched = async (body: Json) => (await admin.post(`${documents}/delete`, body)).body.matched;
    expect(await matched(selection), 'of default').toBe(1);
    expect(await matched({ ...selection, collection: 'ours' })).toBe(1);
    expect(await matched({ ...selection, filters: { collections: ['ours', 'theirs', 'no-such'] } })).toBe(2);
    const deleted = await admin.delete(`${documents}?external_id=charter&collection=theirs`);
    expect(deleted).toMatchObject({ status: 202, body: { target: theirs.id } });
    expect((await admin.delete(`${documents}?external_id=charter`)).body.target).toBe(plain.id);
    expect(await titles(admin, { q: 'heron' })).toEqual(['ours']);
  });

  it('are taken from forms, lines, items and what is said of all of them', async () => {
    const { admin } = service;
    const form = fileForm({ name: 'egret.txt', bytes: 'The egret fishes.' }, { collection: 'forms' });
    const sent = await admin.call('POST', documents, { form });
    expect(await documentReady(admin, sent.body.id)).toMatchObject({ collection: 'forms' });
    const items = [{ text: 'A stork.' }, { text: 'A crane.', collection: 'single' }];
    const added = await addBatch({ json: { items, defaults: { collection: 'many' } } });
    expect(added).toEqual(['many', 'single']);
    const raw = items.map((item) => JSON.stringify({ ...item, text: `${item.text} Again.` })).join('\n');
    const headers = { 'Content-Type': 'application/x-ndjson' };
    expect(await addBatch({ raw, headers }, '?collection=lines')).toEqual(['lines', 'single']);
  });

  async function addBatch(call: Json, query = ''): Promise<string[]> {
    const { admin } = service;
    const { body } = await admin.call('POST', `/api/v1/ingestion-batches${query}`, call);
    await ended(admin, body.links.self);
    const { items } = (await admin.get(body.links.items)).body;
    return Promise.all(
      items.map(
        async ({ document_id }: Json) => (await admin.get(`${documents}/${document_id}`)).body.collection,
      ),
    );
  }
});

describe('a restricted key', () => {
  it('writes into its only collection, and nowhere else', async () => {
    const client = await restricted('collection:lab');
    const own = await addDocument(client, { external_id: 'note', text: 'The lab keeps newts.' });
    expect(own.collection).toBe('lab');
    const away = await addDocument(service.admin, {
      external_id: 'note',
      text: 'No newts here.',
      collection: 'office',
    });
    for (const [body, pointer] of [
      [{ text: 'x', collection: 'office' }, '/collection'],
      [{ text: 'x', collection: 'default' }, '/collection'],
    ] as const) {
      const reply = await client.post(documents, body);
      expect(reply).toMatchObject({ status: 403, body: { code: 'forbidden', errors: [{ pointer }] } });
    }
    const items = [{ text: 'fine' }, { text: 'not', collection: 'office' }];
    const refused = await client.post('/api/v1/ingestion-batches', { items });
    expect(refused).toMatchObject({ status: 403, body: { errors: [{ pointer: '/items/1/collection' }] } });
    const raw = items.map((item) => JSON.stringify(item)).join('\n');
    const headers = { 'Content-Type': 'application/x-ndjson' };
    const batch = await client.call('POST', '/api/v1/ingestion-batches', { raw, headers });
    expect(await ended(client, batch.body.links.self)).toMatchObject({ counts: { completed: 1, failed: 1 } });
    const [, item] = (await client.get(batch.body.links.items)).body.items;
    expect(item).toMatchObject({ status: 'failed', error: { code: 'forbidden' } });

    for (const path of ['', '/versions', '/versions/1', '/versions/1/text', '/versions/1/diff', '/chunks'])
      expect((await client.get(`${documents}/${away.id}${path}`)).status, path).toBe(404);
    expect((await client.delete(`${documents}/${away.id}`)).status).toBe(404);
    expect((await client.post(`${documents}/${away.id}/versions/1/restore`)).status).toBe(404);
    expect((await client.delete(`${documents}?external_id=note&collection=office`)).status).toBe(404);
    const named = { external_id_prefix: 'n', filters: { collections: ['office', 'lab'] }, dry_run: true };
    expect((await client.post(`${documents}/delete`, named)).body).toEqual({ dry_run: true, matched: 1 });
    const everything = { created_before: '2999-01-01T00:00:00Z' };
    const operation = await client.post(`${documents}/delete`, everything);
    expect((await ended(client, operation.body.links.self)).receipt).toMatchObject({
      documents: 2,
      residual: 0,
    });
    expect((await service.admin.get(`${documents}/${away.id}`)).status, 'still there').toBe(200);
  });

  it('with several collections has to say which', async () => {
    const client = await restricted('collection:one', 'collection:two');
    expect((await client.post(documents, { text: 'x' })).body.errors[0].pointer).toBe('/collection');
    expect((await client.post(documents, { text: 'x', collection: 'two' })).status).toBe(202);
  });

  it('of both kinds needs both to hold', async () => {
    const client = await restricted('collection:team', 'taxonomy:Plans', 'taxonomy:Notes/Open');
    const status = async (taxonomy_path: string[], collection = 'team') =>
      (await client.post(documents, { text: `${taxonomy_path} of ${collection}`, taxonomy_path, collection }))
        .status;
    expect([
      await status(['Plans']),
      await status(['Plans', '2030']),
      await status(['Notes', 'Open']),
    ]).toEqual([202, 202, 202]);
    const refused = await client.post(documents, { text: 'x', taxonomy_path: ['Notes'] });
    expect(refused).toMatchObject({ status: 403, body: { errors: [{ pointer: '/taxonomy_path' }] } });
    expect([await status([]), await status(['Plan']), await status(['Plans'], 'default')]).toEqual([
      403, 403, 403,
    ]);
  });

  it('can not take the name of a document in its collection that it may not see', async () => {
    const { admin } = service;
    const there = await addDocument(admin, {
      external_id: 'taken',
      text: 'Secret.',
      taxonomy_path: ['Board'],
    });
    const client = await restricted('taxonomy:Staff');
    const reply = await client.post(documents, {
      external_id: 'taken',
      text: 'Mine.',
      taxonomy_path: ['Staff'],
    });
    expect(reply).toMatchObject({ status: 404, body: { errors: [{ pointer: '/external_id' }] } });
    expect((await admin.get(`${documents}/${there.id}`)).body.version).toBe(1);
  });

  it('gets the same reply whatever others bring, take away and ask', async () => {
    const client = await restricted('collection:bay');
    await addDocuments(client, [
      { title: 'Seals', text: 'Seals rest on the sandbank at low tide.' },
      { title: 'Terns', text: 'Terns nest on the shingle above the tide line.' },
    ]);
    const looks = ['hybrid', 'bm25', 'vector'].flatMap((search_mode) =>
      ['low tide sandbank', 'porpoise'].map((q) => ({ q, search_mode })),
    );
    const look = async () => {
      const replies: Json[] = [];
      for (const body of looks) {
        const { latency: _l, request_id: _r, cache: _c, ...reply } = await found(client, body);
        replies.push(reply);
      }
      const { nodes } = (await client.get('/api/v1/taxonomy/1.0.0/tree')).body;
      return { replies, nodes, listed: (await client.get(documents)).body };
    };
    const before = await look();
    const others = Array.from({ length: 20 }, (_, n) => ({
      ...{ external_id: `strange-${n}`, taxonomy_path: ['Strange'], collection: 'deep' },
      text: `A porpoise passed the sandbank at low tide ${n} times while seals slept.`,
    }));
    await addDocuments(service.admin, others);
    const other = await restricted('collection:deep');
    expect((await found(other, { q: 'porpoise' })).hits.length).toBe(20);
    expect(await look()).toEqual(before);
    expect(before.replies[0].hits.length).toBe(2);
  });

  it('loses what is moved out of its reach, in answers and kept replies as well', async () => {
    const { admin } = service;
    const client = await restricted('taxonomy:Open');
    const text = 'The lighthouse keeper is called Yeon and keeps bees.';
    const note = { external_id: 'keeper', title: 'Keeper', text, taxonomy_path: ['Open', 'Coast'] };
    const document = await addDocument(client, note);
    const kept = { 'Idempotency-Key': 'who-keeps', Prefer: 'wait=60' };
    const question = { question: 'What is the lighthouse keeper called?' };
    const asked = await client.post('/api/v1/answers', question, kept);
    expect(asked).toMatchObject({
      status: 200,
      body: { sources: [{ document_id: document.id, deleted: false }] },
    });
    const posted = { 'Idempotency-Key': 'post-keeper' };
    expect((await client.post(documents, note, posted)).body.id).toBe(document.id);

    await addDocument(admin, { ...note, text: `${text} In secret.`, taxonomy_path: ['Closed'] });
    const answer = await client.get(`/api/v1/answers/${asked.body.id}`);
    expect(answer.body).toMatchObject({
      sources_deleted: 1,
      sources: [{ deleted: true, title: null, text: '' }],
    });
    expect(answer.text).not.toContain('Yeon');
    const replayed = await client.post('/api/v1/answers', question, kept);
    expect([replayed.headers.get('idempotency-replayed'), replayed.text.includes('Yeon')]).toEqual([
      'true',
      false,
    ]);
    expect((await client.post(documents, note, posted)).status).toBe(404);
    for (const path of ['', '/versions', '/versions/1/text', '/versions/2/text', '/chunks'])
      expect((await client.get(`${documents}/${document.id}${path}`)).status, path).toBe(404);
    expect((await found(client, { q: 'lighthouse keeper' })).hits).toEqual([]);
    const whole = await admin.get(`/api/v1/answers/${asked.body.id}`);
    expect(whole.text, 'the reader decides').toContain('Yeon');

    await addDocument(admin, { ...note, text: `${text} No more secrets.` });
    const versions = (await client.get(`${documents}/${document.id}/versions`)).body.items;
    expect(
      versions.map(({ version }: Json) => version),
      'not what it was meanwhile',
    ).toEqual([3, 1]);
    expect((await client.get(`${documents}/${document.id}/versions/2/text`)).status).toBe(404);
    expect((await client.get(`${documents}/${document.id}/versions/3/diff?against=2`)).status).toBe(404);
  });

  it('does not know where a document is about to go', async () => {
    const client = await restricted('taxonomy:Dock');
    const note = { external_id: 'crane', text: 'The crane lifts ten tonnes.', taxonomy_path: ['Dock'] };
    const { id } = await addDocument(client, note);
    await service.sql.query(
      `insert into document_versions (document_id, version, content_hash, content_type, attributes, bytes, status)
       select document_id, 2, 'another', content_type, jsonb_set(attributes, '{taxonomy_path}', '["Yard"]'), bytes, 'cancelled'
         from document_versions where document_id = $1`,
      [id],
    );
    await service.sql.query('update documents set version = 2 where id = $1', [id]);
    expect((await client.get(`${documents}/${id}`)).status).toBe(404);
    expect((await client.get(documents)).body.items).toEqual([]);
    expect((await client.delete(`${documents}/${id}`)).status).toBe(404);
    expect((await client.post(documents, note)).status).toBe(404);
    expect((await client.get(`${documents}/${id}/versions/2`)).status).toBe(404);
    expect((await client.get(`${documents}/${id}/chunks`)).status, 'as little as the document').toBe(404);
    expect((await found(client, { q: 'crane tonnes' })).hits, 'what is live is still its own').toHaveLength(
      1,
    );
  });
});

describe('what a key makes', () => {
  it('is its own, and admin keys see all of it', async () => {
    const [one, two] = [await restricted(), await restricted()];
    const note = await addDocument(one, { text: 'The tram stops at the harbour.' });
    const answer = await ask(one, { question: 'Where does the tram stop?' });
    const batch = (await one.post('/api/v1/ingestion-batches', { items: [{ text: 'The bus stops there.' }] }))
      .body;
    await ended(one, batch.links.self);
    const operation = (await one.delete(`${documents}/${note.id}`)).body;
    const reads = [answer, batch, operation].map(({ links }) => links.self);
    for (const path of [...reads, batch.links.items, batch.links.events]) {
      expect([path, (await two.get(path)).status]).toEqual([path, 404]);
      expect((await one.get(path)).status, path).toBe(200);
      expect((await service.admin.get(path)).status, path).toBe(200);
    }
    for (const path of [answer.links.cancel, answer.links.feedback, batch.links.cancel, batch.links.retry])
      expect((await two.post(path, { rating: 1 })).status, path).toBe(404);
    const ofBatches = async (client: Client) => (await client.get('/api/v1/ingestion-batches')).body.items;
    expect(await ofBatches(two)).toEqual([]);
    expect((await ofBatches(one)).map(({ id }: Json) => id)).toEqual([batch.id]);
    expect((await ofBatches(service.admin)).length).toBeGreaterThan(1);
    expect((await two.delete(`${documents}/${note.id}`)).status, 'it is being deleted by another').toBe(404);
  });
});

describe('keys with nothing in common', () => {
  let sides: Side[];
  beforeAll(async () => {
    sides = await createSides(service);
  });
  const countOwn = async ({ canary }: Side): Promise<number> => {
    const [row] = await service.sql.query<{ n: number }>(
      `select count(*)::int as n from documents where deleted_at is null and metadata->>'owner' = $1`,
      [canary],
    );
    return row?.n ?? 0;
  };

  it('see nothing of each other, on no route', async () => {
    const { statuses } = await walk(sides, { calls: 100, seed: 20_260_601, countOwn });
    const byId = Object.entries(statuses).filter(
      ([name]) => /\{id\}/.test(name) && !/\/(admin|taxonomy)\//.test(name),
    );
    expect(byId.length).toBeGreaterThan(15);
    for (const [name, { own, other }] of byId) {
      expect([name, other.includes(404), other.some((status) => status < 300)]).toEqual([name, true, false]);
      expect([name, own.some((status) => status < 300 || status === 409)]).toEqual([name, true]);
    }
    for (const { client, frozen } of sides)
      for (const id of frozen)
        expect((await client.get(`${documents}/${id}`)).body).toMatchObject({ status: 'ready', version: 1 });
  });

  it('would be told on if they did', async () => {
    const [first] = sides as [Side];
    const everywhere = { ...first, client: await restricted() };
    await expect(walk(sides, { calls: 100, seed: 1, countOwn, walkers: [everywhere] })).rejects.toThrow(
      /shows|finds|lists|counts|status/,
    );
  });
});
