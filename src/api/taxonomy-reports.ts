import { z } from 'zod';
import { compareDocuments } from '../db/taxonomy-counts.ts';
import { readTaxonomy } from '../db/taxonomy-snapshot.ts';
import { readStatistics } from '../db/taxonomy-statistics.ts';
import { changedPaths, diffOf, type TaxonomyDiff } from '../taxonomy/diff.ts';
import { pathOf, type Taxonomy } from '../taxonomy/taxonomy.ts';
import { problemKinds, validateTaxonomy } from '../taxonomy/validate.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, route } from './route.ts';
import { storable } from './schemas.ts';
import { knownVersion, path, refuseRestricted, taxonomyPrefix, versionParam } from './taxonomy-schemas.ts';

const changed = { id: z.uuid(), from: path, to: path };
const gone = { id: z.uuid(), path };
const diffSchema = z
  .object({
    base: z.string(),
    version: z.string(),
    added: z.array(z.object(gone)),
    moved: z.array(z.object(changed)),
    renamed: z.array(z.object(changed)),
    described: z.array(z.object({ id: z.uuid(), path, from: z.string(), to: z.string() })),
    parents: z.array(z.object({ id: z.uuid(), path, from: z.array(z.uuid()), to: z.array(z.uuid()) })),
    merged: z.array(z.object({ ...gone, into: z.uuid().nullable(), into_path: path.nullable() })),
    split: z.array(z.object({ ...gone, into: z.array(z.object({ id: z.uuid(), path })) })),
    deleted: z.array(
      z.object({ ...gone, reassigned_to: z.uuid().nullable(), reassigned_path: path.nullable() }),
    ),
    unknown: z
      .array(z.object(gone))
      .describe('Nodes that the version never had: it is older, or went another way'),
    paths_changed: z.int().describe('Nodes with another path: what was moved or renamed, and all below'),
    documents_affected: z.int(),
    documents_unassigned: z.int(),
  })
  .meta({ id: 'TaxonomyDiff' });

const validitySchema = z.object({
  version: z.string(),
  valid: z.boolean(),
  problems: z.array(z.object({ kind: z.enum(problemKinds), node_id: z.string(), detail: z.string() })),
});

const statisticsSchema = z
  .object({
    version: z.string(),
    nodes: z.int(),
    roots: z.int(),
    leaves: z.int(),
    depth: z.int().describe('Labels of the longest path'),
    further_parents: z.int(),
    empty_nodes: z.int().describe('Leaves at which no document stands'),
    documents: z.int(),
    documents_assigned: z.int(),
    documents_unassigned: z.int(),
    documents_at_several: z.int(),
    assignments: z.object({ given: z.int(), classified: z.int(), review: z.int() }),
    largest: z
      .array(z.object({ id: z.uuid(), path, documents: z.int() }))
      .describe('By documents at the node itself'),
  })
  .meta({ id: 'TaxonomyStatistics' });

const read = { method: 'get', scope: 'read', tag: 'taxonomy' } as const;

export function taxonomyReportRoutes(context: ApiContext): AnyRoute[] {
  const { db, config } = context;
  return [
    route({
      ...read,
      paths: [`${taxonomyPrefix}/{v}/diff/{base}`],
      summary: 'What makes version {v} of version {base}, and how many documents it moves',
      params: versionParam.extend({ base: storable(z.string().max(50)) }),
      responses: { 200: { description: 'The difference', schema: diffSchema } },
      handler: async ({ params: { v, base }, caller }) => {
        refuseRestricted(caller);
        for (const version of [base, v]) await knownVersion(context, version, caller);
        const [a, b] = [await readTaxonomy(db, base), await readTaxonomy(db, v)];
        const documents = await compareDocuments(
          db,
          { version: base, taxonomy: a },
          { version: v, taxonomy: b },
        );
        return {
          status: 200,
          body: {
            ...{ base, version: v, ...describeDiff(a, b) },
            ...{ documents_affected: documents.affected, documents_unassigned: documents.unassigned },
          },
        };
      },
    }),
    route({
      ...read,
      paths: [`${taxonomyPrefix}/{v}/validate`],
      summary: 'Circles, orphans, paths that are there twice or too long',
      params: versionParam,
      responses: { 200: { description: 'What is wrong', schema: validitySchema } },
      handler: async ({ params, caller }) => {
        refuseRestricted(caller);
        const { version } = await knownVersion(context, params.v, caller);
        const problems = validateTaxonomy(await readTaxonomy(db, version), { depth: config.TAXONOMY_DEPTH });
        return { status: 200, body: { version, valid: problems.length === 0, problems } };
      },
    }),
    route({
      ...read,
      paths: [`${taxonomyPrefix}/{v}/statistics`],
      summary: 'Size and shape of a version, and how documents stand in it',
      params: versionParam,
      responses: { 200: { description: 'The figures', schema: statisticsSchema } },
      handler: async ({ params, caller }) => {
        refuseRestricted(caller);
        const { version } = await knownVersion(context, params.v, caller);
        return { status: 200, body: { version, ...(await readStatistics(db, version)) } };
      },
    }),
  ];
}

function describeDiff(a: Taxonomy, b: Taxonomy) {
  const diff = diffOf(a, b);
  const at = (taxonomy: Taxonomy, id: string) => pathOf(taxonomy, id) ?? [];
  const bothPaths = (changes: readonly { id: string }[]) =>
    changes.map(({ id }) => ({ id, from: at(a, id), to: at(b, id) }));
  const inB = <Value>(changes: readonly { id: string; from: Value; to: Value }[]) =>
    changes.map((change) => ({ ...change, path: at(b, change.id) }));
  return {
    added: diff.added.map(({ id }) => ({ id, path: at(b, id) })),
    ...{ moved: bothPaths(diff.moved), renamed: bothPaths(diff.renamed) },
    ...{ described: inB(diff.described), parents: inB(diff.parents) },
    ...describeRemoved(diff, a, b),
    paths_changed: changedPaths(a, b).length,
  };
}

function describeRemoved({ removed }: TaxonomyDiff, a: Taxonomy, b: Taxonomy) {
  const each = removed.map(({ id }) => {
    const { kind, nodeId = null } = b.redirects.get(id) ?? {};
    return {
      id,
      path: pathOf(a, id) ?? [],
      kind,
      target: nodeId,
      target_path: nodeId && (pathOf(b, nodeId) ?? []),
    };
  });
  const of = (kind: string) => each.filter((one) => one.kind === kind);
  return {
    merged: of('merged').map(({ id, path, target, target_path }) => ({
      id,
      path,
      into: target,
      into_path: target_path,
    })),
    split: of('split').map(({ id, path }) => ({
      ...{ id, path },
      into: [...b.nodes.values()]
        .filter(({ splitFrom }) => splitFrom === id)
        .map((part) => ({ id: part.id, path: pathOf(b, part.id) ?? [] })),
    })),
    deleted: of('deleted').map(({ id, path, target, target_path }) => ({
      ...{ id, path, reassigned_to: target, reassigned_path: target_path },
    })),
    unknown: each
      .filter(({ kind }) => kind === undefined || kind === 'absent')
      .map(({ id, path }) => ({ id, path })),
  };
}
