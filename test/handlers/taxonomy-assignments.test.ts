import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  assign,
  listAssignments,
  moveAssignment,
  type NewAssignment,
  replaceClassified,
  unassign,
} from '../../src/db/assignments.ts';
import type { Database } from '../../src/db/connect.ts';
import { setGiven } from '../../src/db/given-nodes.ts';
import { migrationSource } from '../../src/db/migrations.ts';
import { ensurePaths, versionInForce } from '../../src/db/taxonomy.ts';
import { editDraft } from '../../src/db/taxonomy-draft.ts';
import { publishDraft } from '../../src/db/taxonomy-publish.ts';
import { listNodes } from '../../src/db/taxonomy-tree.ts';
import { applyEdit } from '../../src/taxonomy/edits.ts';
import { openTestDatabase } from '../support/stores.ts';

const name = '0030_taxonomy_versions';
let database: Database;
let db: Knex;
let nodes: Record<string, string>;
beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
  const paths = ['A', 'B', 'C'].map((label) => [label]);
  const places = await db.transaction((trx) => ensurePaths(trx, paths, true));
  nodes = Object.fromEntries(paths.map((path) => [path[0], places.get(path)?.id as string]));
});
afterAll(() => database.close());

const newDocument = async (given?: string): Promise<string> => {
  const [{ id }] = await db('documents').insert({ version: 1 }).returning('id');
  if (given) await db.transaction((trx) => setGiven(trx, id, nodes[given] as string));
  return id;
};
const at = (documentId: string, label: string, more: Partial<NewAssignment> = {}): NewAssignment => ({
  ...{ documentId, nodeId: nodes[label] as string, source: 'classified', confidence: 0.75 },
  ...more,
});
const put = (...assignments: NewAssignment[]) => db.transaction((trx) => assign(trx, assignments));
const shown = async (id: string) =>
  (await listAssignments(db, [id])).map(({ path, source, confidence }) => [path[0], source, confidence]);
const corpus = async () => (await db('corpus_state').first('version')).version;

it('what the machine says overwrites nobody, and the same again changes nothing', async () => {
  const id = await newDocument('A');
  const before = await corpus();
  expect(await put(at(id, 'A'), at(id, 'B'), at(id, 'C', { nodeId: id }))).toBe(1);
  expect(await corpus()).toBe(before + 1);
  expect(await put(at(id, 'B'))).toBe(0);
  expect(await corpus(), 'nothing to forget').toBe(before + 1);
  expect(await put(at(id, 'B', { source: 'review', confidence: 1 }))).toBe(1);
  expect(await put(at(id, 'B'))).toBe(0);
  expect(await shown(id)).toEqual([
    ['A', 'given', 1],
    ['B', 'review', 1],
  ]);
});

it('a new opinion of the machine replaces its old one alone', async () => {
  const id = await newDocument('A');
  await put(at(id, 'B'));
  const say = (...labels: string[]) =>
    db.transaction((trx) =>
      replaceClassified(
        trx,
        id,
        labels.map((label) => ({ nodeId: nodes[label] as string, confidence: 0.5, evidence: { label } })),
      ),
    );
  expect(await say('C')).toBe(true);
  expect(await say('C')).toBe(false);
  expect(await shown(id)).toEqual([
    ['A', 'given', 1],
    ['C', 'classified', 0.5],
  ]);
  expect(await say()).toBe(true);
  expect(await shown(id)).toEqual([['A', 'given', 1]]);
});

it('a correction takes the document from one node to another, also by a concept that was merged', async () => {
  const id = await newDocument('A');
  await put(at(id, 'B'));
  const limits = { depth: 20 };
  const editor = { id, name: 'test', reason: null };
  await editDraft(db, editor, undefined, {
    ...{ action: 'merge', details: {} },
    change: (draft) =>
      applyEdit(draft, { kind: 'merge', id: nodes.A as string, into: nodes.C as string }, limits),
  });
  await publishDraft(db, editor, { seen: undefined, bump: undefined, limits });
  expect(await shown(id)).toEqual([
    ['C', 'given', 1],
    ['B', 'classified', 0.75],
  ]);
  expect(await put(at(id, 'C', { source: 'review' })), 'it stands there already').toBe(0);
  const review = at(id, 'B', { source: 'review', confidence: 1 });
  expect(await db.transaction((trx) => moveAssignment(trx, nodes.C as string, review))).toBe(true);
  expect(await shown(id)).toEqual([['B', 'review', 1]]);
  const from = { documentId: id, nodeId: nodes.B as string };
  expect(await db.transaction((trx) => unassign(trx, from))).toBe(true);
  expect(await db.transaction((trx) => unassign(trx, from))).toBe(false);
});

it('counts a document once that two assign at the same time', async () => {
  const count = async () => {
    const tree = await listNodes(db, await versionInForce(db), undefined);
    return Object.fromEntries(tree.map((node) => [node.path.join('/'), node.documents]));
  };
  const paths = [
    ['Top', 'One'],
    ['Top', 'Two'],
  ];
  const places = await db.transaction((trx) => ensurePaths(trx, paths, true));
  const ids = await Promise.all(Array.from({ length: 8 }, () => newDocument()));
  const putAll = (path: string[]) =>
    Promise.all(ids.map((id) => put(at(id, 'A', { nodeId: places.get(path)?.id as string }))));
  await Promise.all(paths.map((path) => putAll(path)));
  const everywhere = { Top: 8, 'Top/One': 8, 'Top/Two': 8 };
  expect(await count()).toMatchObject(everywhere);
  const [first, second] = ids as [string, string];
  const nodeId = places.get(['Top', 'Two'])?.id as string;
  await db.transaction((trx) => unassign(trx, { documentId: first, nodeId }));
  expect(await count()).toMatchObject({ ...everywhere, 'Top/Two': 7 });
  await db('documents').where({ id: second }).update({ deleted_at: db.fn.now() });
  expect(await count(), 'who is hidden counts no more').toMatchObject({ Top: 7, 'Top/One': 7, 'Top/Two': 6 });
  await db('documents').whereIn('id', ids).delete();
  expect(await count()).toMatchObject({ Top: 0, 'Top/One': 0, 'Top/Two': 0 });
  expect(await db('documents_at_several').whereIn('document_id', ids)).toEqual([]);
});

it('keeps the paths of documents when they become assignments, and back', async () => {
  const id = await newDocument('B');
  const applied = (await migrationSource.getMigrations([])).map((file) =>
    migrationSource.getMigrationName(file),
  );
  for (const later of applied.slice(applied.indexOf(name)).reverse())
    await db.migrate.down({ migrationSource, name: `${later}` } as never);
  expect((await db('documents').where({ id }).first('taxonomy_path')).taxonomy_path).toEqual(['B']);
  const path = ['Never', 'heard of'];
  await db('documents').where({ id }).update({ taxonomy_path: path });
  await db('document_versions').insert({
    ...{ document_id: id, version: 1, content_hash: 'x', content_type: 'text/plain', bytes: 0 },
    attributes: JSON.stringify({ taxonomy_path: path }),
  });
  await db.migrate.latest({ migrationSource });
  const [{ node_id, ...place }, ...others] = (await listAssignments(db, [id])) as [
    Awaited<ReturnType<typeof listAssignments>>[number],
  ];
  expect([place.path, place.source, others]).toEqual([path, 'given', []]);
  expect((await db('document_versions').where({ document_id: id }).first('node_id')).node_id).toBe(node_id);
});
