import { afterAll, beforeAll, expect, it } from 'vitest';
import { applyEdit, type Edit } from '../../src/taxonomy/edits.ts';
import { fileFormats, readFile } from '../../src/taxonomy/file-formats.ts';
import { importNodes } from '../../src/taxonomy/import.ts';
import { branchOf, emptyTaxonomy, pathsOf, resolve, type Taxonomy } from '../../src/taxonomy/taxonomy.ts';
import { addDocuments, type Client, type Json, startService, type TestService } from '../support/service.ts';

const prefix = '/api/v1/taxonomy';
const limits = { depth: 20 };

let service: TestService;
let empty: TestService;
let admin: Client;
/** The concept of each document, and the version in force as the test believes it to be. */
let documents: Map<string, string>;
let force: Taxonomy;

beforeAll(async () => {
  service = await startService();
  admin = service.admin;
  const paths = ['HR/Leave', 'HR/Leave/Sick', 'HR/Pay', 'HR', 'Travel/Trains', 'Travel/Planes', 'Tools'];
  const items = paths.flatMap((path) =>
    [1, 2].map((n) => ({ text: `The ledger of ${path}, number ${n}.`, taxonomy_path: path.split('/') })),
  );
  const added = await addDocuments(admin, items);
  force = await readForce();
  documents = new Map(added.map(({ id, taxonomy_path }: Json) => [id, at(taxonomy_path.join('/'))]));
});
afterAll(async () => {
  await empty?.stop();
  await service.stop();
});

const inForce = async (of: Client = admin): Promise<string> =>
  (await of.get(`${prefix}/versions`)).body.items.find((one: Json) => one.in_force).version;
const exported = async (of: Client, format: string): Promise<string> =>
  (await of.get(`${prefix}/${await inForce(of)}/export?format=${format}`)).text;
const readForce = async () =>
  importNodes(emptyTaxonomy, readFile(await exported(admin, 'json'), 'json'), {
    ...{ replace: false, newId: () => 'never' },
  });
/** The node of a path in the version in force. */
const at = (path: string): string => {
  const found = [...pathsOf(force)].find(([, labels]) => labels.join('/') === path);
  if (!found) throw new Error(`there is no ${path}`);
  return found[0];
};

/** Every path finds exactly the documents that stand below it: by words, and by both legs, the second time out of the cache. */
async function expectExact(modes: readonly string[]): Promise<void> {
  const { nodes } = (await admin.get(`${prefix}/${await inForce()}/tree`)).body;
  expect(nodes).toHaveLength(force.nodes.size);
  for (const [id, path] of pathsOf(force)) {
    const branch = branchOf(force, id, true);
    const below = [...documents]
      .filter(([, concept]) => branch.has(resolve(force, concept) ?? ''))
      .map(([document]) => document)
      .sort();
    expect(nodes.find((node: Json) => node.id === id)).toMatchObject({ path, documents: below.length });
    for (const mode of modes)
      for (const round of ['found', 'cached'])
        expect(await find(mode, path), `${path}, ${mode}, ${round}`).toEqual(below);
  }
  expect(await find('hybrid', ['Nowhere'])).toEqual([]);
}

async function find(mode: string, path: readonly string[]): Promise<string[]> {
  const { status, body, text } = await admin.post('/api/v1/search', {
    ...{ q: 'ledger', search_mode: mode, max_results: 100, canonical_in: [path] },
  });
  expect(status, text).toBe(200);
  return [...new Set<string>(body.hits.map((hit: Json) => hit.document_id))].sort();
}

/** Makes the edit here and there: of what it makes the service chooses the ids. */
async function edit(method: string, path: string, json: object | undefined, toEdit: (reply: Json) => Edit) {
  const reply = await admin.call(method, `${prefix}/nodes${path}`, json === undefined ? {} : { json });
  expect(reply.status, reply.text).toBeLessThan(300);
  return applyEdit(force, toEdit(reply.body), limits);
}

const kinds: Record<string, () => Promise<Taxonomy>> = {
  create: () =>
    edit('POST', '', { label: 'New', parent_path: ['HR'] }, ({ node }) => ({
      ...{ kind: 'create', id: node.id, label: 'New', description: '', parentId: at('HR') },
    })),
  rename: () => {
    const id = at('HR/Leave');
    return edit('PATCH', `/${id}`, { label: 'Off' }, () => ({ kind: 'change', id, label: 'Off' }));
  },
  move: () => {
    const [id, parentId] = [at('HR/Off'), at('Travel')];
    return edit('POST', `/${id}/move`, { parent_id: parentId }, () => ({ kind: 'move', id, parentId }));
  },
  'further parent': () => {
    const [id, parentId] = [at('Travel/Off'), at('Tools')];
    return edit('PUT', `/${id}/parents/${parentId}`, undefined, () => ({ kind: 'add_parent', id, parentId }));
  },
  merge: () => {
    const [id, into] = [at('Travel/Planes'), at('Travel/Trains')];
    return edit('POST', `/${id}/merge`, { target_id: into }, () => ({ kind: 'merge', id, into }));
  },
  split: () => {
    const id = at('Travel/Trains');
    const parts = [{ label: 'Rail' }, { label: 'Air' }];
    return edit('POST', `/${id}/split`, { parts }, ({ parts: made }) => ({
      ...{ kind: 'split', id },
      parts: made.map((part: Json) => ({ id: part.id, label: part.path.at(-1), description: '' })),
    }));
  },
  'further parent no more': () => {
    const [id, parentId] = [at('Travel/Off'), at('Tools')];
    return edit('DELETE', `/${id}/parents/${parentId}`, undefined, () => ({
      ...{ kind: 'remove_parent', id, parentId },
    }));
  },
  delete: () => {
    const id = at('HR/Pay');
    return edit('DELETE', `/${id}`, undefined, () => ({ kind: 'delete', id, branch: false }));
  },
  'delete to nowhere': () => {
    const id = at('Tools');
    return edit('DELETE', `/${id}?reassign_to=none`, undefined, () => ({
      ...{ kind: 'delete', id, reassignTo: null, branch: false },
    }));
  },
};

async function putInForce(path: string, json: object, now: Taxonomy): Promise<void> {
  const reply = await admin.post(`${prefix}/${path}`, { reason: 'a test', ...json });
  expect(reply.status, reply.text).toBeLessThan(300);
  force = now;
}

it('filters find exactly what stands below every path, before and after each kind of edit, caches and all', async () => {
  await expectExact(['bm25', 'hybrid']);
  const versions: [string, Taxonomy][] = [[await inForce(), force]];
  for (const change of Object.values(kinds)) {
    const after = await change();
    await expectExact(['hybrid']);
    await putInForce('versions', {}, after);
    versions.push([await inForce(), force]);
    await expectExact(['bm25', 'hybrid']);
  }
  // Back to the first, on to the last, and to one between them.
  for (const n of [0, versions.length - 1, 4]) {
    const [target_version, taxonomy] = versions[n] as [string, Taxonomy];
    await putInForce('rollback', { target_version }, taxonomy);
    await expectExact(['bm25', 'hybrid']);
  }
});

it('a file brings the taxonomy into an empty service, which writes the same file', async () => {
  empty = await startService();
  const content = await exported(admin, 'json');
  const imported = await empty.admin.post(`${prefix}/import`, { format: 'json', content });
  expect(imported.status, imported.text).toBe(200);
  expect((await empty.admin.post(`${prefix}/versions`, { reason: 'moved' })).status).toBe(201);
  for (const format of fileFormats)
    expect(await exported(empty.admin, format)).toBe(await exported(admin, format));
});
