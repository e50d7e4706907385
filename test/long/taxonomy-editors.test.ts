import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { assign } from '../../src/db/assignments.ts';
import type { Database } from '../../src/db/connect.ts';
import { discardDraft, editDraft, readDraft } from '../../src/db/taxonomy-draft.ts';
import { lastChange } from '../../src/db/taxonomy-history.ts';
import { publishDraft, rollBack } from '../../src/db/taxonomy-publish.ts';
import { readTaxonomy } from '../../src/db/taxonomy-snapshot.ts';
import { applyDiff, diffOf, isSame } from '../../src/taxonomy/diff.ts';
import { applyEdit, type Edit } from '../../src/taxonomy/edits.ts';
import { resolve, type Taxonomy } from '../../src/taxonomy/taxonomy.ts';
import { validateTaxonomy } from '../../src/taxonomy/validate.ts';
import { createRandom, type Random } from '../chaos/random.ts';
import { editAtRandom } from '../support/random-edits.ts';
import { openTestDatabase } from '../support/stores.ts';
import { expectPlaces, type TaxonomyModel } from '../support/taxonomy-model.ts';

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

/** Edits that got through, by kind; what was refused, by code; publications and rollbacks. */
const done = new Map<string, number>();
const note = (what: string) => done.set(what, (done.get(what) ?? 0) + 1);

/** Four at once with what they have all seen: one at most gets through, and its edit is the whole difference. */
async function editTogether(draft: Taxonomy, random: Random): Promise<Taxonomy> {
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
    if (result.status === 'rejected') {
      expect(['conflict', 'not_found', 'precondition_failed']).toContain(result.reason.code);
      note(result.reason.code);
    } else if (result.value.seq !== undefined) {
      through++;
      note(edit.kind);
      after = applyEdit(draft, edit, limits);
      expect(validateTaxonomy(after, limits)).toEqual([]);
      expect(isSame(result.value.draft, after), 'the others have no part in it').toBe(true);
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
  const model: TaxonomyModel = { documents: new Map(ids.map((id) => [id, new Set()])), seen: new Map() };
  let draft = (await readDraft(db)).taxonomy;
  for (let made = 0; made < wanted; ) {
    const before = draft;
    draft = await editTogether(draft, random);
    if (draft !== before) made++;
    if (random.int(40) > 0) continue;
    const stored = (await readDraft(db)).taxonomy;
    expect(isSame(stored, draft), JSON.stringify(diffOf(stored, draft))).toBe(true);
    await changeForce(random);
    await expectDiff(random);
    draft = (await readDraft(db)).taxonomy;
    await assignSome(model, draft, random);
    await expectPlaces(db, model, { random, limits });
  }
  expect(model.seen.size).toBeGreaterThan(wanted / 200);
  const kinds = ['create', 'change', 'move', 'merge', 'split', 'delete', 'add_parent', 'remove_parent'];
  for (const kind of [...kinds, 'publish', 'rollback', 'precondition_failed'])
    expect(done.get(kind) ?? 0, kind).toBeGreaterThan(0);
  const { rows } = await db.raw(
    `select document_id from document_nodes group by document_id having count(*) > 1
     except select document_id from documents_at_several`,
  );
  expect(rows, 'all documents with several assignments are known').toEqual([]);
  // biome-ignore lint/suspicious/noConsole: how many of each, for who runs it
  console.log(JSON.stringify(Object.fromEntries([...done].sort())));
}, 1_800_000);

/** Publishes, and now and then rolls back to any version. */
async function changeForce(random: Random): Promise<void> {
  const [editor] = editors as [(typeof editors)[number]];
  const given = { seen: undefined, bump: undefined, limits };
  await publishDraft(db, editor, given).then(
    () => note('publish'),
    (error) => expect(error).toMatchObject({ code: 'conflict' }),
  );
  if (random.int(3) > 0) return;
  const others = await db('taxonomy_versions')
    .where('in_force', false)
    .whereNotNull('published_at')
    .pluck('version');
  if (others.length === 0) return;
  // Of a version that is in force no more nothing can be published.
  await discardDraft(db, editor, undefined);
  await rollBack(db, editor, { seen: undefined, target: random.pick(others) });
  note('rollback');
}

/** The difference of any two versions, as they are stored, leads from the one to the other. */
async function expectDiff(random: Random): Promise<void> {
  const versions = await db('taxonomy_versions').pluck('version');
  const [a, b] = [
    await readTaxonomy(db, random.pick(versions)),
    await readTaxonomy(db, random.pick(versions)),
  ];
  const again = applyDiff(a, diffOf(a, b));
  expect([again.nodes, again.redirects]).toEqual([b.nodes, b.redirects]);
}

async function assignSome({ documents }: TaxonomyModel, taxonomy: Taxonomy, random: Random): Promise<void> {
  const nodes = [...taxonomy.nodes.keys()];
  if (nodes.length === 0) return;
  const [documentId, nodeId] = [random.pick([...documents.keys()]), random.pick(nodes)];
  const concepts = documents.get(documentId) as Set<string>;
  const stands = [...concepts].some((one) => resolve(taxonomy, one) === nodeId);
  await db.transaction((trx) => assign(trx, [{ documentId, nodeId, source: 'review', confidence: 1 }]));
  if (!stands) concepts.add(nodeId);
}
