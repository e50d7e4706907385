import type { Knex } from 'knex';
import { expect } from 'vitest';
import { visibleConditions, visibleDocuments } from '../../src/db/search.ts';
import { versionInForce } from '../../src/db/taxonomy.ts';
import { readTaxonomy } from '../../src/db/taxonomy-snapshot.ts';
import { listNodes } from '../../src/db/taxonomy-tree.ts';
import type { Filters } from '../../src/retrieval/passage.ts';
import { branchOf, pathOf, pathsOf, resolve, type Taxonomy } from '../../src/taxonomy/taxonomy.ts';
import { type Limits, validateTaxonomy } from '../../src/taxonomy/validate.ts';
import type { Random } from '../chaos/random.ts';

/** What a test believes: concepts of each document, and where they stood when a version was last in force. */
export interface TaxonomyModel {
  documents: Map<string, Set<string>>;
  seen: Map<string, Map<string, { concepts: string; places: string }>>;
}

const sorted = (values: Iterable<string>) => [...values].sort().join(' ');

/** Nodes that a document stands at by the model. */
function placesOf(taxonomy: Taxonomy, concepts: ReadonlySet<string>): Set<string> {
  return new Set([...concepts].flatMap((one) => resolve(taxonomy, one) ?? []));
}

/** Places by the rows, against places by the model; what was there of a version before, where nobody has assigned since. */
export async function expectPlaces(
  db: Knex,
  { documents, seen }: TaxonomyModel,
  { random, limits }: { random: Random; limits: Limits },
): Promise<void> {
  const version = await versionInForce(db);
  const taxonomy = await readTaxonomy(db, version);
  expect(validateTaxonomy(taxonomy, limits)).toEqual([]);
  const found = await readPlaces(db, version, taxonomy);
  const before = seen.get(version);
  const now = new Map<string, { concepts: string; places: string }>();
  for (const [id, concepts] of documents) {
    const places = sorted(found.get(id) ?? []);
    expect(places).toBe(sorted(placesOf(taxonomy, concepts)));
    const last = before?.get(id);
    if (last?.concepts === sorted(concepts)) expect(places, 'exactly as it was').toBe(last.places);
    now.set(id, { concepts: sorted(concepts), places });
  }
  seen.set(version, now);
  const assigned = await db('document_nodes').count('* as n').first();
  expect(Number(assigned?.n), 'no assignment is ever lost').toBe(
    [...documents.values()].reduce((sum, concepts) => sum + concepts.size, 0),
  );
  await expectCounts(db, version, taxonomy, documents);
  for (const id of pickSome([...taxonomy.nodes.keys()], random))
    await expectFiltered(db, taxonomy, documents, id);
}

async function readPlaces(db: Knex, version: string, taxonomy: Taxonomy): Promise<Map<string, Set<string>>> {
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
  return found;
}

/** The tree counts every document once at each node and branch, for whoever may see all and for a key that is restricted. */
async function expectCounts(
  db: Knex,
  version: string,
  taxonomy: Taxonomy,
  documents: TaxonomyModel['documents'],
): Promise<void> {
  const standing = [...documents.values()].map((concepts) => placesOf(taxonomy, concepts));
  const expected = [...taxonomy.nodes.keys()].map((id) => {
    const branch = branchOf(taxonomy, id, true);
    const below = standing.filter((places) => [...places].some((place) => branch.has(place)));
    return [id, standing.filter((places) => places.has(id)).length, below.length];
  });
  for (const access of [undefined, { collections: ['default'] }]) {
    const nodes = await listNodes(db, version, access);
    const shown = new Map(nodes.map((node) => [node.id, [node.own_documents, node.documents]]));
    // A key of a collection is not shown nodes without any documents of it.
    for (const [id, own, below] of expected) expect(shown.get(id as string) ?? [0, 0]).toEqual([own, below]);
  }
}

/** A filter by the path of the node, and a key that is restricted to it: the documents of the branch, however they are found. */
async function expectFiltered(
  db: Knex,
  taxonomy: Taxonomy,
  documents: TaxonomyModel['documents'],
  id: string,
): Promise<void> {
  const path = pathOf(taxonomy, id) as string[];
  const asked: [Filters, boolean][] = [
    [{ canonicalIn: [path] }, true],
    [{ access: { taxonomyPaths: [path] } }, false],
  ];
  for (const [filters, others] of asked) {
    const branch = branchOf(taxonomy, id, others);
    const below = [...documents]
      .filter(([, concepts]) => [...placesOf(taxonomy, concepts)].some((place) => branch.has(place)))
      .map(([document]) => document);
    for (const { from, where, bindings } of [visibleDocuments(filters), ofEach(filters)]) {
      const { rows } = await db.raw(`select d.id from ${from} where ${where}`, bindings);
      expect(sorted(rows.map((row: { id: string }) => row.id))).toBe(sorted(below));
    }
  }
}

function ofEach(filters: Filters) {
  const { ofDocument, bindings } = visibleConditions(filters);
  return { from: 'documents d', where: ofDocument, bindings };
}

function pickSome<Value>(values: readonly Value[], random: Random): Value[] {
  return values.length === 0 ? [] : [random.pick(values), random.pick(values)];
}
