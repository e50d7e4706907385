import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addDocuments,
  ask,
  type Client,
  createKey,
  type Json,
  startService,
  type TestService,
} from '../support/service.ts';

let service: TestService;
let admin: Client;
const taxonomy = '/api/v1/taxonomy';
const nodes = `${taxonomy}/nodes`;

/** Where each document is to be found, by its name: its paths as they should be now. */
const expected = new Map<string, string[]>();

beforeAll(async () => {
  service = await startService();
  admin = service.admin;
  const paths = ['HR/Leave', 'HR/Leave/Sick', 'HR/Pay', 'HR', 'Travel/Trains', 'Travel/Planes', 'Tools', ''];
  const items = paths.flatMap((path) =>
    [1, 2].map((n) => ({
      external_id: `${path || 'nowhere'} ${n}`,
      text: `The ledger of ${path || 'nothing'} number ${n} is green.`,
      taxonomy_path: path === '' ? [] : path.split('/'),
    })),
  );
  await addDocuments(admin, items);
  for (const { external_id, taxonomy_path } of items) expected.set(external_id, taxonomy_path);
});
afterAll(() => service.stop());

const treeOf = async (version: string) => {
  const { body, headers } = await admin.get(`${taxonomy}/${version}/tree`);
  return { nodes: body.nodes as Json[], etag: headers.get('etag') as string };
};
const inForce = async (): Promise<string> =>
  (await admin.get(`${taxonomy}/versions`)).body.items.find((one: Json) => one.in_force).version;
const idOf = async (path: string, version?: string): Promise<string> =>
  (await treeOf(version ?? (await inForce()))).nodes.find((node) => node.path.join('/') === path)?.id;
const edit = async (method: string, path: string, json?: unknown) => {
  const reply = await admin.call(method, `${nodes}${path}`, json === undefined ? {} : { json });
  expect(reply.status, reply.text).toBeLessThan(300);
  return reply;
};
const publish = async (more: object = {}): Promise<Json> => {
  const reply = await admin.post(`${taxonomy}/versions`, { reason: 'a test', ...more });
  expect(reply.status, reply.text).toBe(201);
  return reply.body;
};
const search = async (client: Client, path: string[] | undefined): Promise<Json> =>
  (
    await client.post('/api/v1/search', {
      ...{ q: 'ledger', search_mode: 'bm25', max_results: 100 },
      ...(path && { canonical_in: [path] }),
    })
  ).body;
const names = async (client: Client, path: string[] | undefined): Promise<string[]> => {
  const { hits } = await search(client, path);
  const rows = await service.sql.query<{ id: string; external_id: string }>(
    'select id, external_id from documents',
  );
  const nameOf = new Map(rows.map(({ id, external_id }) => [id, external_id]));
  return hits.map(({ document_id }: Json) => nameOf.get(document_id)).sort();
};

/** Every prefix that there is finds exactly what stands below it, twice: the second time out of the cache. */
async function expectExact(): Promise<void> {
  const prefixes = new Map(
    [...expected.values()].flatMap((path) =>
      path.map((_, n) => [path.slice(0, n + 1).join('/'), path.slice(0, n + 1)]),
    ),
  );
  const { nodes: shown } = await treeOf(await inForce());
  for (const [prefix, path] of prefixes) {
    const below = [...expected]
      .filter(([, at]) => path.every((label, n) => at[n] === label))
      .map(([name]) => name);
    for (const round of ['found', 'cached'])
      expect(await names(admin, path), `${prefix}, ${round}`).toEqual(below.sort());
    expect(shown.find((node) => node.path.join('/') === prefix)?.documents, prefix).toBe(below.length);
  }
  expect(await names(admin, ['Nowhere'])).toEqual([]);
}

/** What is at or below `from` is at `to` from now on. */
function relocate(from: string, to: string): void {
  for (const [name, path] of expected) {
    const at = path.join('/');
    if (at !== from && !at.startsWith(`${from}/`)) continue;
    const rest = at.slice(from.length);
    expected.set(name, `${to}${rest}`.split('/').filter(Boolean));
  }
}

describe('filters', () => {
  it('are exact before and after each kind of edit, caches and all; a rollback finds everything as it was', async () => {
    await expectExact();
    const before = new Map(expected);
    const first = await inForce();
    const steps: [string, () => Promise<unknown>, () => void][] = [
      [
        'rename',
        async () => edit('PATCH', `/${await idOf('HR/Leave')}`, { label: 'Time off' }),
        () => relocate('HR/Leave', 'HR/Time off'),
      ],
      [
        'move',
        async () => edit('POST', `/${await idOf('HR/Time off')}/move`, { parent_id: await idOf('Travel') }),
        () => relocate('HR/Time off', 'Travel/Time off'),
      ],
      [
        'merge',
        async () =>
          edit('POST', `/${await idOf('Travel/Planes')}/merge`, { target_id: await idOf('Travel/Trains') }),
        () => relocate('Travel/Planes', 'Travel/Trains'),
      ],
      ['create', async () => edit('POST', '', { label: 'New', parent_path: ['HR'] }), () => undefined],
      [
        'delete',
        async () => edit('DELETE', `/${await idOf('HR/Pay')}?reason=gone`),
        () => relocate('HR/Pay', 'HR'),
      ],
      [
        'delete to nowhere',
        async () => edit('DELETE', `/${await idOf('Tools')}?reassign_to=none`),
        () => relocate('Tools', ''),
      ],
    ];
    for (const [kind, change, model] of steps) {
      await change();
      await expectExact();
      const { version, documents } = await publish();
      expect(await inForce(), kind).toBe(version);
      expect(documents.unassigned, kind).toBe(kind === 'delete to nowhere' ? 2 : 0);
      model();
      await expectExact();
    }
    // Old names lead to where the documents are now; what was deleted leads nowhere.
    expect(await names(admin, ['HR', 'Leave', 'Sick'])).toEqual(['HR/Leave/Sick 1', 'HR/Leave/Sick 2']);
    expect(await names(admin, ['Travel', 'Planes'])).toHaveLength(4);
    expect([await names(admin, ['Tools']), await names(admin, ['HR', 'Pay'])]).toEqual([[], []]);
    const { query_analysis } = await search(admin, ['HR', 'Leave']);
    expect(query_analysis.notes.join(' ')).toContain('["Travel","Time off"]');

    const rolled = await admin.post(`${taxonomy}/rollback`, { target_version: first, reason: 'too much' });
    expect(rolled.body, rolled.text).toMatchObject({
      version: first,
      documents: { affected: 10, unassigned: 0, mapped: 0, lost: 0 },
    });
    for (const [name, path] of before) expected.set(name, path);
    await expectExact();
    expect(await names(admin, ['HR', 'Time off']), 'names of the future lead back').toHaveLength(4);
  });

  it('find a document at several nodes once, and what is below a further parent', async () => {
    const [leave, tools] = [await idOf('HR/Leave'), await idOf('Tools')];
    const [{ id }] = (await service.sql.query<{ id: string }>(
      `select id from documents where external_id = 'HR/Pay 1'`,
    )) as [{ id: string }];
    await service.sql.query(
      `insert into document_nodes (document_id, node_id, source, confidence) values ($1, $2, 'classified', 0.8), ($1, $3, 'classified', 0.7)`,
      [id, leave, tools],
    );
    await service.sql.query('update corpus_state set version = version + 1');
    expect(await names(admin, ['HR'])).toHaveLength(8);
    expect(await names(admin, ['Tools'])).toEqual(['HR/Pay 1', 'Tools 1', 'Tools 2']);
    const hr = (await treeOf(await inForce())).nodes.find(({ label }) => label === 'HR');
    expect(hr).toMatchObject({ documents: 8, own_documents: 2 });

    const { client } = await createKey(service, { scope: 'read', permissions: ['taxonomy:Tools'] });
    expect(await names(client, undefined), 'the machine shows nobody more').toEqual(['Tools 1', 'Tools 2']);
    await edit('PUT', `/${leave}/parents/${tools}`);
    await publish();
    expect(await names(admin, ['Tools'])).toEqual([
      'HR/Leave 1',
      'HR/Leave 2',
      'HR/Leave/Sick 1',
      'HR/Leave/Sick 2',
      'HR/Pay 1',
      'Tools 1',
      'Tools 2',
    ]);
    expect(await names(client, undefined), 'nor does a further parent').toEqual(['Tools 1', 'Tools 2']);
    await edit('DELETE', `/${leave}/parents/${tools}`);
    await publish();
    expect(await names(admin, ['Tools'])).toHaveLength(3);
    await service.sql.query(`delete from document_nodes where source = 'classified'`);
    // As all of the product does that changes what a filter leaves.
    await service.sql.query('update corpus_state set version = version + 1');
  });

  it('keep answers to the branch', async () => {
    for (const path of [['HR'], ['Travel', 'Trains'], ['Nowhere'], ['Tools']]) {
      const answer = await ask(admin, {
        question: 'What colour is the ledger?',
        filters: { canonical_in: [path] },
        abstain_below: 0,
      });
      const allowed = await service.sql.query<{ id: string }>(
        'select document_id as id from document_places where version = $1 and path[1:cardinality($2::text[])] = $2',
        [await inForce(), path],
      );
      const ids = new Set(allowed.map(({ id }) => id));
      expect(answer.sources.filter(({ document_id }: Json) => !ids.has(document_id))).toEqual([]);
      expect(answer.sources.length > 0).toBe(path[0] !== 'Nowhere');
    }
  });
});

describe('a restricted key', () => {
  it('goes by paths as they are in force: what moves away is gone, and said when it is published', async () => {
    const { client, id } = await createKey(service, {
      scope: 'write',
      permissions: ['taxonomy:Travel/Trains'],
    });
    expect(await names(client, undefined)).toEqual(['Travel/Trains 1', 'Travel/Trains 2']);
    const back = await inForce();
    await edit('PATCH', `/${await idOf('Travel/Trains')}`, { label: 'Rails' });
    const { restrictions_lost } = await publish();
    expect(restrictions_lost).toMatchObject([{ key_id: id, permission: 'taxonomy:Travel/Trains' }]);
    expect(await names(client, undefined)).toEqual([]);
    expect(await names(client, ['Travel', 'Trains'])).toEqual([]);
    expect((await client.get(`${taxonomy}/${await inForce()}/tree`)).text).not.toContain('Rails');
    const posted = await client.post('/api/v1/documents', {
      text: 'By the old name.',
      taxonomy_path: ['Travel', 'Trains'],
    });
    expect(posted.status, 'the old name is a place that it may not see').toBe(403);
    expect((await client.get(`${taxonomy}/${back}/tree`)).status).toBe(404);
    const posts = await admin.post('/api/v1/documents', {
      text: 'By the old name.',
      taxonomy_path: ['Travel', 'Trains'],
    });
    expect(posts.body.taxonomy_path).toEqual(['Travel', 'Rails']);
    await admin.post(`${taxonomy}/rollback`, { target_version: back, reason: 'the key' });
    expect(await names(client, undefined)).toHaveLength(2);
  });
});

describe('the draft', () => {
  it('takes the edit of whoever has seen it as it is', async () => {
    const { etag } = await treeOf(await inForce());
    const create = (label: string, match?: string) =>
      admin.post(nodes, { label }, match === undefined ? {} : { 'If-Match': match });
    const first = await create('One', etag);
    expect(first.status).toBe(201);
    const late = await create('Two', etag);
    expect(late).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    expect((await create('Two', first.headers.get('etag') ?? '')).status).toBe(201);
    expect((await create('Three', '"nonsense"')).status).toBe(412);
    expect((await create('One')).body).toMatchObject({ code: 'conflict' });
    const draft = await treeOf('draft');
    expect(draft.nodes.map(({ label }) => label)).toEqual(expect.arrayContaining(['One', 'Two']));
    expect((await treeOf(await inForce())).nodes.map(({ label }) => label)).not.toContain('One');
  });

  it('has what documents bring to the version in force meanwhile', async () => {
    await addDocuments(admin, [{ text: 'Of bridges.', taxonomy_path: ['Roads', 'Bridges'] }]);
    expect(await idOf('Roads/Bridges', 'draft')).toBe(await idOf('Roads/Bridges'));
  });

  it('is compared, checked and counted like a version, and can be given up', async () => {
    const base = await inForce();
    const parts = [{ label: 'Rail' }, { label: 'Tram', document_ids: [] as string[] }];
    const [{ id }] = (await service.sql.query<{ id: string }>(
      `select id from documents where external_id = 'Travel/Trains 2'`,
    )) as [{ id: string }];
    parts[1]?.document_ids?.push(id);
    const trains = await idOf('Travel/Trains');
    await edit('POST', `/${trains}/split`, { parts, reason: 'trams are different' });
    const { body: diff } = await admin.get(`${taxonomy}/draft/diff/${base}`);
    expect(diff).toMatchObject({
      split: [{ id: trains, path: ['Travel', 'Trains'] }],
      deleted: [],
      documents_affected: 3,
    });
    expect(diff.split[0].into.map((part: Json) => part.path.at(-1)).sort()).toEqual(['Rail', 'Tram']);
    expect((await admin.get(`${taxonomy}/draft/validate`)).body).toMatchObject({ valid: true, problems: [] });
    const { version } = await publish();
    expect(version, 'a concept is gone').toMatch(/^[2-9]\.0\.0$/);
    expect(await names(admin, ['Travel', 'Tram'])).toEqual(['Travel/Trains 2']);
    expect(await names(admin, ['Travel', 'Rail'])).toContain('Travel/Trains 1');
    expect(await names(admin, ['Travel', 'Trains']), 'the old name has all parts').toEqual(
      expect.arrayContaining(['Travel/Trains 1', 'Travel/Trains 2']),
    );
    const { body } = await admin.get(`${taxonomy}/${version}/statistics`);
    expect(body).toMatchObject({ version, documents: 18, documents_unassigned: 2, depth: 3 });
    expect((await admin.post(`${taxonomy}/versions`, { reason: 'again' })).body).toMatchObject({
      code: 'conflict',
    });

    await edit('POST', '', { label: 'Unwanted' });
    expect((await admin.delete(`${taxonomy}/draft`)).status).toBe(204);
    expect((await admin.get(`${taxonomy}/draft/tree`)).status).toBe(404);
    await admin.post(`${taxonomy}/rollback`, { target_version: base, reason: 'no trams' });
    expect(await names(admin, ['Travel', 'Trains'])).toEqual(
      expect.arrayContaining(['Travel/Trains 1', 'Travel/Trains 2']),
    );
  });

  it('and all that was done is in the history, with who and why', async () => {
    const { items, next_cursor } = (await admin.get(`${taxonomy}/history?limit=3`)).body;
    expect(items.map(({ action }: Json) => action)).toEqual(['rollback', 'discard', 'create']);
    expect(items[0]).toMatchObject({ reason: 'no trams', details: { version: expect.any(String) } });
    const more = (await admin.get(`${taxonomy}/history?limit=200&cursor=${next_cursor}`)).body.items;
    const split = more.find(({ action }: Json) => action === 'split');
    expect(split).toMatchObject({ reason: 'trams are different', version: expect.stringMatching(/^\d/) });
  });
});
