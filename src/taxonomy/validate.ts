import { AppError } from '../errors.ts';
import { pathsOf, type Taxonomy, type TaxonomyNode } from './taxonomy.ts';

export const problemKinds = [
  'orphan',
  'cycle',
  'duplicate_path',
  'too_deep',
  'bad_label',
  'bad_redirect',
] as const;

export interface Problem {
  kind: (typeof problemKinds)[number];
  node_id: string;
  detail: string;
}

export interface Limits {
  /** Most labels of a path. */
  depth: number;
}

export const longestLabel = 200;

/** What is wrong with a version; nothing: every node has one path of its own from a root, and no way leads in a circle. */
export function validateTaxonomy(taxonomy: Taxonomy, { depth }: Limits): Problem[] {
  return [
    ...findOrphans(taxonomy),
    ...findCycles(taxonomy),
    ...findDuplicates(taxonomy),
    ...findDeep(taxonomy, depth),
    ...findBadLabels(taxonomy),
    ...findBadRedirects(taxonomy),
  ];
}

/**
 * Refuses what is wrong with `after` and was not with `before`: what documents have brought is not for an editor to answer for.
 *
 * @throws AppError `conflict`
 */
export function refuseNewProblems(before: Taxonomy, after: Taxonomy, limits: Limits, what: string): void {
  const keyOf = ({ kind, node_id }: Problem) => `${kind} ${node_id}`;
  const known = new Set(validateTaxonomy(before, limits).map(keyOf));
  const problem = validateTaxonomy(after, limits).find((found) => !known.has(keyOf(found)));
  if (problem) throw new AppError('conflict', `The ${what} is refused (${problem.kind}): ${problem.detail}`);
}

function parentsOf({ parentId, otherParents }: TaxonomyNode): readonly string[] {
  return parentId === null ? otherParents : [parentId, ...otherParents];
}

function findOrphans({ nodes }: Taxonomy): Problem[] {
  return [...nodes.values()].flatMap((node) =>
    parentsOf(node)
      .filter((parent) => !nodes.has(parent))
      .map((parent) => ({
        ...{ kind: 'orphan' as const, node_id: node.id },
        detail: `${JSON.stringify(node.label)} has the parent ${parent}, which is no node.`,
      })),
  );
}

/** Kahn's algorithm from the leaves: whatever keeps a child for ever is in a circle or above one. */
function findCycles({ nodes }: Taxonomy): Problem[] {
  const childrenLeft = new Map<string, number>([...nodes.keys()].map((id) => [id, 0]));
  for (const node of nodes.values())
    for (const parent of parentsOf(node)) childrenLeft.set(parent, (childrenLeft.get(parent) ?? 0) + 1);
  const free = [...nodes.values()].filter(({ id }) => childrenLeft.get(id) === 0);
  for (const node of free) {
    childrenLeft.delete(node.id);
    for (const parent of parentsOf(node)) {
      const left = (childrenLeft.get(parent) ?? 0) - 1;
      childrenLeft.set(parent, left);
      const next = nodes.get(parent);
      if (left === 0 && next) free.push(next);
    }
  }
  return [...childrenLeft.keys()].flatMap((id) => {
    const node = nodes.get(id);
    if (!node || !isAboveItself(nodes, node)) return [];
    const detail = `${JSON.stringify(node.label)} is above itself.`;
    return [{ kind: 'cycle' as const, node_id: id, detail }];
  });
}

function isAboveItself(nodes: Taxonomy['nodes'], node: TaxonomyNode): boolean {
  const above = new Set(parentsOf(node));
  for (const id of above) for (const parent of parentsOf(nodes.get(id) ?? noParents)) above.add(parent);
  return above.has(node.id);
}

const noParents = { parentId: null, otherParents: [] } as unknown as TaxonomyNode;

function findDuplicates({ nodes }: Taxonomy): Problem[] {
  const seen = new Set<string>();
  return [...nodes.values()].flatMap(({ id, parentId, label, otherParents }) => {
    const place = JSON.stringify([parentId, label]);
    const problems: Problem[] = [];
    if (seen.has(place))
      problems.push({
        kind: 'duplicate_path',
        node_id: id,
        detail: `There is another ${JSON.stringify(label)} beside it.`,
      });
    if (parentId !== null && otherParents.includes(parentId))
      problems.push({
        kind: 'duplicate_path',
        node_id: id,
        detail: 'Its parent is among its further parents, too.',
      });
    seen.add(place);
    return problems;
  });
}

function findDeep(taxonomy: Taxonomy, depth: number): Problem[] {
  return [...pathsOf(taxonomy)]
    .filter(([, path]) => path.length > depth)
    .map(([id, path]) => ({
      ...{ kind: 'too_deep' as const, node_id: id },
      detail: `${JSON.stringify(path)} has ${path.length} labels; ${depth} is the most.`,
    }));
}

function findBadLabels({ nodes }: Taxonomy): Problem[] {
  return [...nodes.values()]
    .filter(
      ({ label }) => label.trim() === '' || label.length > longestLabel || label !== label.normalize('NFC'),
    )
    .map(({ id }) => ({
      ...{ kind: 'bad_label' as const, node_id: id },
      detail: `Its label must be NFC text of 1 to ${longestLabel} characters.`,
    }));
}

function findBadRedirects({ nodes, redirects }: Taxonomy): Problem[] {
  return [...redirects]
    .filter(([id, { nodeId }]) => nodes.has(id) || (nodeId !== null && !nodes.has(nodeId)))
    .map(([id]) => ({
      ...{ kind: 'bad_redirect' as const, node_id: id },
      detail: 'It stands for a node that there is, or leads to one that there is not.',
    }));
}
