import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Knex } from 'knex';
import { findScope } from '../src/db/search-scope.ts';
import { findPath, versionInForce } from '../src/db/taxonomy.ts';
import { editDraft } from '../src/db/taxonomy-draft.ts';
import { publishDraft, rollBack } from '../src/db/taxonomy-publish.ts';
import { listNodes } from '../src/db/taxonomy-tree.ts';
import { applyEdit, type Edit } from '../src/taxonomy/edits.ts';
import { openSearchDatabase } from './search-database.ts';

const usage = `[DATABASE_URL=…] npm run bench taxonomy [-- --documents 50000] [--rounds 40]

What edits, publishing, rolling back, the tree with its counts and filters by path take, with documents in five branches of 211
nodes each, every second of the first branch at a second node. Counts are compared with what they must be. Works in a database of its own on that
server and drops it afterwards; without DATABASE_URL, embedded.`;

const branches = 5;
const limits = { depth: 20 };
const editor = { id: randomUUID(), name: 'bench', reason: 'bench' };

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      documents: { type: 'string' },
      rounds: { type: 'string', default: '40' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const embedded = !process.env.DATABASE_URL;
  const documents = Number(values.documents ?? (embedded ? 5_000 : 50_000));
  const database = await openSearchDatabase();
  try {
    await fill(database.db, documents);
    const changes = await measureChanges(database.db, documents);
    console.table(changes);
    const reads = await measureReads(database.db, documents, Number(values.rounds));
    console.table(reads);
    console.log(
      JSON.stringify({
        bench: 'taxonomy',
        tier: embedded ? 'embedded' : 'postgres',
        documents,
        changes,
        reads,
      }),
    );
  } finally {
    await database.close();
  }
}

/** Document n stands in branch n mod 5, and there at leaf n / 5 mod 200; each has one chunk. */
async function fill(db: Knex, documents: number): Promise<void> {
  await db.raw(
    `with node as (
       insert into taxonomy_nodes (version, id, label, path)
       select '1.0.0', gen_random_uuid(), 'Branch ' || b, array['Branch ' || b] from generate_series(0, ${branches - 1}) as b
       returning id, path),
     middle as (
       insert into taxonomy_nodes (version, id, parent_id, label, path)
       select '1.0.0', gen_random_uuid(), n.id, 'Shelf ' || s, n.path || ('Shelf ' || s) from node n, generate_series(0, 9) as s
       returning id, path)
     insert into taxonomy_nodes (version, id, parent_id, label, path)
     select '1.0.0', gen_random_uuid(), m.id, 'Leaf ' || l, m.path || ('Leaf ' || l) from middle m, generate_series(0, 19) as l`,
  );
  await db.raw(
    `with d as (
       insert into documents (id, external_id, version, live_version)
       select gen_random_uuid(), n::text, 1, 1 from generate_series(0, ?::int - 1) as n returning id, external_id::int as n),
     v as (
       insert into document_versions (document_id, version, status, content_hash, content_type, attributes, bytes)
       select id, 1, 'ready', n::text, 'text/plain', '{}', 0 from d)
     insert into document_nodes (document_id, node_id, source)
     select d.id, t.id, 'given' from d join taxonomy_nodes t on t.version = '1.0.0'
        and t.path = array['Branch ' || n % 5, 'Shelf ' || n / 5 % 10, 'Leaf ' || n / 50 % 20]`,
    [documents],
  );
  await db.raw(
    `insert into chunks (document_id, version, n, start_char, end_char, text, words, frequencies, word_count, live)
     select id, 1, 0, 0, 6, 'ledger', '{ledger}', '{1}', 1, true from documents`,
  );
  // Every second document of the first branch belongs to its next shelf, too.
  await db.raw(
    `insert into document_nodes (document_id, node_id, source)
     select d.id, t.id, 'review' from documents d join taxonomy_nodes t on t.version = '1.0.0' and d.external_id::int % 10 = 0
        and t.path = array['Branch ' || d.external_id::int % 5, 'Shelf ' || (d.external_id::int / 5 + 1) % 10, 'Leaf ' || d.external_id::int / 50 % 20]`,
  );
  for (const table of ['documents', 'chunks', 'document_nodes', 'documents_at_several', 'taxonomy_nodes'])
    await db.raw(`vacuum analyze ${table}`);
}

interface Change {
  change: string;
  /** In the draft. */
  edit_ms: number;
  publish_ms: number;
  documents: number;
}

async function measureChanges(db: Knex, documents: number): Promise<Change[]> {
  const first = await versionInForce(db);
  const at = async (...path: string[]) => (await findPath(db, await versionInForce(db), path)) as string;
  const share = documents / branches;
  const changes: Change[] = [];
  const run = async (change: string, edit: Edit, expected: { path: string[]; documents: number }) => {
    const edited = await timed(() =>
      editDraft(db, editor, undefined, {
        ...{ action: edit.kind, details: {} },
        change: (before) => applyEdit(before, edit, limits),
      }),
    );
    const published = await timed(() =>
      publishDraft(db, editor, { seen: undefined, bump: undefined, limits }),
    );
    await expectCount(db, expected.path, expected.documents);
    changes.push({
      change,
      edit_ms: edited.ms,
      publish_ms: published.ms,
      documents: published.value.documents.affected,
    });
  };
  const [zero, one, two] = [await at('Branch 0'), await at('Branch 1'), await at('Branch 2')];
  await run(
    'move of a branch',
    { kind: 'move', id: zero, parentId: one },
    { path: ['Branch 1'], documents: 2 * share },
  );
  await run(
    'rename of a branch',
    { kind: 'change', id: one, label: 'First' },
    { path: ['Branch 1'], documents: 2 * share },
  );
  await run(
    'merge of two branches',
    { kind: 'merge', id: two, into: one },
    { path: ['Branch 2', 'Shelf 3'], documents: share / 5 },
  );
  await run(
    'delete of a branch',
    { kind: 'delete', id: await at('Branch 3'), reassignTo: one, branch: true },
    { path: ['First'], documents: 4 * share },
  );
  const last = await versionInForce(db);
  for (const [change, target] of [
    ['rollback', first],
    ['forward again', last],
    ['rollback once more', first],
  ] as const) {
    const { ms, value } = await timed(() => rollBack(db, editor, { seen: undefined, target }));
    changes.push({ change, edit_ms: 0, publish_ms: ms, documents: value.documents.affected });
  }
  await expectCount(db, ['Branch 0'], share);
  return changes;
}

async function expectCount(db: Knex, path: string[], expected: number): Promise<void> {
  const scope = await findScope(db, { canonicalIn: [path] });
  const found = scope.kind === 'few' ? scope.seqs.length : undefined;
  if (found !== undefined && found !== expected)
    throw new Error(`${JSON.stringify(path)} has ${found} documents, not ${expected}`);
}

async function measureReads(db: Knex, documents: number, rounds: number) {
  const version = await versionInForce(db);
  const share = documents / branches;
  const tree = await listNodes(db, version, undefined);
  const counted = tree.filter(({ parent_id }) => parent_id === null).map((node) => node.documents);
  if (counted.some((count) => count !== share))
    throw new Error(`the roots count ${counted}, not ${share} each`);
  const [seen] = await listNodes(db, version, { taxonomyPaths: [['Branch 1']] });
  if (seen?.documents !== share) throw new Error(`a key counts ${seen?.documents}, not ${share}`);
  const reads: Record<string, () => Promise<unknown>> = {
    'tree with counts': () => listNodes(db, version, undefined),
    'tree of a key of a branch': () => listNodes(db, version, { taxonomyPaths: [['Branch 1']] }),
    'tree of a key of a collection': () => listNodes(db, version, { collections: ['default'] }),
    'filter: a branch': () => findScope(db, { canonicalIn: [['Branch 1']] }),
    'filter: a shelf': () => findScope(db, { canonicalIn: [['Branch 1', 'Shelf 2']] }),
    'filter: a leaf': () => findScope(db, { canonicalIn: [['Branch 1', 'Shelf 2', 'Leaf 3']] }),
    'filter: a former name': () => findScope(db, { canonicalIn: [['First', 'Shelf 2']] }),
    'key of a branch': () => findScope(db, { access: { taxonomyPaths: [['Branch 1']] } }),
    'key of a shelf': () => findScope(db, { access: { taxonomyPaths: [['Branch 1', 'Shelf 2']] } }),
  };
  const rows: { read: string; p50_ms: number; p95_ms: number }[] = [];
  for (const [read, work] of Object.entries(reads)) {
    await work();
    const times: number[] = [];
    for (let n = 0; n < rounds; n++) times.push((await timed(work)).ms);
    times.sort((a, b) => a - b);
    const at = (share: number) =>
      times[Math.min(times.length - 1, Math.floor(share * times.length))] as number;
    rows.push({ read, p50_ms: at(0.5), p95_ms: at(0.95) });
  }
  return rows;
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const started = performance.now();
  const value = await work();
  return { ms: Math.round((performance.now() - started) * 10) / 10, value };
}

await main();
