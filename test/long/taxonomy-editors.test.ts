import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { assign } from '../../src/db/assignments.ts';
import type { Database } from '../../src/db/connect.ts';
import { versionInForce } from '../../src/db/taxonomy.ts';
import { discardDraft, editDraft, readDraft } from '../../src/db/taxonomy-draft.ts';
import { lastChange } from '../../src/db/taxonomy-history.ts';
import { publishDraft, rollBack } from '../../src/db/taxonomy-publish.ts';
import { readTaxonomy } from '../../src/db/taxonomy-snapshot.ts';
import { diffOf, isSame } from '../../src/taxonomy/diff.ts';
import { applyEdit, type Edit } from '../../src/taxonomy/edits.ts';
import { pathsOf, resolve, type Taxonomy } from '../../src/taxonomy/taxonomy.ts';
import { validateTaxonomy } from '../../src/taxonomy/validate.ts';
import { createRandom } from '../chaos/random.ts';
import { editAtRandom } from '../support/random-edits.ts';
import { openTestDatabase } from '../support/stores.ts';

const wanted = Number(process.env.TAXONOMY_EDITS ?? 2000);
const seed = Number(process.env.TAXONOMY_SEED ?? 8);
const limits = { depth: 8 };
const editors = ['Ada', 'Ben', 'Cho', 'Dee'].map((name) => ({ id: randomUUID(), name, reason: 'by chance' }));

let database: Database;
let db: Knex;
beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

/** What the test believes: concepts of each document, and where they stood when a version was last in force. */
interface Model {
  documents: Map<string, Set<string>>;
  seen: Map<string, Map<string, { concepts: string; places: string }>>;
}

const sorted = (values: Iterable<string>) => [...values].sort().join(' ');

/** Places by the rows, against places by the model; what was there of a version before, where nobody has assigned since. */
async function expectPlaces(model: Model): Promise<void> {
  const version = await versionInForce(db);
  const taxonomy = await readTaxonomy(db, version);
  expect(validateTaxonomy(taxonomy, limits)).toEqual([]);
  const { rows } = await db.raw(
    'select document_id as id, node_id as node, path from document_places where version = ?',
    [version],
  );
  const paths = pathsOf(taxonomy);
  const found = new Map<string, Set<string>>();
  for (const { id, node, path } of rows) {
    expect(path).toEqual(paths.get(node));
    found.set(id, (found.get(id) ?? new Set()).add(node));
  }
  const before = model.seen.get(version);
  const now = new Map<string, { concepts: string; places: string }>();
  for (const [id, concepts] of model.documents) {
    const places = sorted(found.get(id) ?? []);
    expect(places).toBe(sorted(new Set([...concepts].flatMap((one) => resolve(taxonomy, one) ?? []))));
    const last = before?.get(id);
    if (last?.concepts === sorted(concepts)) expect(places, 'exactly as it was').toBe(last.places);
    now.set(id, { concepts: sorted(concepts), places });
  }
  model.seen.set(version, now);
  const assigned = await db('document_nodes').count('* as n').first();
  expect(Number(assigned?.n), 'no assignment is ever lost').toBe(
    [...model.documents.values()].reduce((sum, concepts) => sum + concepts.size, 0),
  );
}

/** Four at once with what they have all seen: one at most gets through, and its edit is the whole difference. */
async function editTogether(draft: Taxonomy, random: ReturnType<typeof createRandom>): Promise<Taxonomy> {
  const seen = await lastChange(db);
  const edits = editors.map((editor) => ({ editor, edit: editAtRandom(draft, random, randomUUID) }));
  const results = await Promise.allSettled(
    edits.map(({ editor, edit }) =>
      editDraft(db, editor, seen, {
        ...{ action: edit.kind, nodeId: edit.id, details: {} },
        change: (before) => applyEdit(before, edit, limits),
      }),
    ),
  );
  let after = draft;
  let through = 0;
  results.forEach((result, n) => {
    const edit = edits[n]?.edit as Edit;
    if (result.status === 'rejected')
      expect(['conflict', 'not_found', 'precondition_failed']).toContain(result.reason.code);
    else if (result.value.seq !== undefined) {
      through++;
      after = applyEdit(draft, edit, limits);
    }
  });
  expect(through).toBeLessThanOrEqual(1);
  return after;
}

it(`keeps ${wanted} edits of four editors as a model does (seed ${seed})`, async () => {
  const random = createRandom(seed);
  const ids: string[] = (
    await db('documents')
      .insert(Array.from({ length: 60 }, () => ({ version: 1 })))
      .returning('id')
  ).map(({ id }) => id);
  const model: Model = { documents: new Map(ids.map((id) => [id, new Set()])), seen: new Map() };
  let draft = (await readDraft(db)).taxonomy;
  for (let made = 0; made < wanted; ) {
    const before = draft;
    draft = await editTogether(draft, random);
    if (draft !== before) made++;
    if (random.int(40) > 0) continue;
    const stored = (await readDraft(db)).taxonomy;
    expect(isSame(stored, draft), JSON.stringify(diffOf(stored, draft))).toBe(true);
    await changeForce(random);
    draft = (await readDraft(db)).taxonomy;
    await assignSome(model, draft, random);
    await expectPlaces(model);
  }
  expect(model.seen.size).toBeGreaterThan(wanted / 200);
}, 1_800_000);

/** Publishes, and now and then rolls back to any version. */
async function changeForce(random: ReturnType<typeof createRandom>): Promise<void> {
  const [editor] = editors as [(typeof editors)[number]];
  const given = { seen: undefined, bump: undefined, limits };
  await publishDraft(db, editor, given).catch((error) => expect(error).toMatchObject({ code: 'conflict' }));
  if (random.int(3) > 0) return;
  const others = await db('taxonomy_versions')
    .where('in_force', false)
    .whereNotNull('published_at')
    .pluck('version');
  if (others.length === 0) return;
  // Of a version that is in force no more nothing can be published.
  await discardDraft(db, editor, undefined);
  await rollBack(db, editor, { seen: undefined, target: random.pick(others) });
}

async function assignSome(
  { documents }: Model,
  taxonomy: Taxonomy,
  random: ReturnType<typeof createRandom>,
): Promise<void> {
  const nodes = [...taxonomy.nodes.keys()];
  if (nodes.length === 0) return;
  const [documentId, nodeId] = [random.pick([...documents.keys()]), random.pick(nodes)];
  const concepts = documents.get(documentId) as Set<string>;
  const stands = [...concepts].some((one) => resolve(taxonomy, one) === nodeId);
  await db.transaction((trx) => assign(trx, [{ documentId, nodeId, source: 'review', confidence: 1 }]));
  if (!stands) concepts.add(nodeId);
}
