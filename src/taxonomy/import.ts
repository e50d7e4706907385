import { AppError } from '../errors.ts';
import { deleteNode } from './delete-node.ts';
import type { GivenNode } from './given-node.ts';
import { childrenOf, pathsOf, type Taxonomy, type TaxonomyNode } from './taxonomy.ts';

/**
 * The taxonomy with the nodes of a file: one whose id, else whose path, is there already is changed, others are made under ids of
 * `newId`. With `replace` what the file does not have goes, and its parent takes its documents.
 *
 * @throws AppError `validation_failed` for what can't be read as a graph
 */
export function importNodes(
  taxonomy: Taxonomy,
  given: readonly GivenNode[],
  { replace, newId }: { replace: boolean; newId: () => string },
): Taxonomy {
  const idOf = identify(taxonomy, withAncestors(given), newId);
  const nodes = new Map(taxonomy.nodes);
  const redirects = new Map(taxonomy.redirects);
  for (const node of withAncestors(given)) {
    const id = idOf.get(keyOf(node.path)) as string;
    const before = taxonomy.nodes.get(id);
    nodes.set(id, {
      ...{ id, label: node.path.at(-1) as string, splitFrom: before?.splitFrom ?? null },
      description: node.description ?? before?.description ?? '',
      parentId: node.path.length === 1 ? null : (idOf.get(keyOf(node.path.slice(0, -1))) as string),
      otherParents: otherParents(node, idOf, before),
    });
    redirects.delete(id);
  }
  const imported: Taxonomy = { nodes, redirects };
  return replace ? withoutOthers(imported, new Set(idOf.values())) : imported;
}

const keyOf = (path: readonly string[]) => JSON.stringify(path);

/** Parents before children, each path once; what leads to a node is one, whether the file says so or not. */
function withAncestors(given: readonly GivenNode[]): GivenNode[] {
  const byPath = new Map<string, GivenNode>();
  for (const node of given)
    node.path.forEach((_, depth) => {
      const path = node.path.slice(0, depth + 1);
      if (!byPath.has(keyOf(path))) byPath.set(keyOf(path), { path });
    });
  for (const node of given) {
    const there = byPath.get(keyOf(node.path));
    if (there && Object.keys(there).length > 1) throw invalid(`the path ${keyOf(node.path)} is there twice`);
    byPath.set(keyOf(node.path), node);
  }
  return [...byPath.values()].sort((a, b) => a.path.length - b.path.length);
}

function identify(taxonomy: Taxonomy, given: readonly GivenNode[], newId: () => string): Map<string, string> {
  const byPath = new Map([...pathsOf(taxonomy)].map(([id, path]) => [keyOf(path), id]));
  const said = new Set(given.flatMap(({ id }) => id ?? []));
  const ids = new Map<string, string>();
  const used = new Set<string>();
  for (const { id, path } of given) {
    const there = byPath.get(keyOf(path));
    const own = id ?? (there !== undefined && !said.has(there) ? there : newId());
    if (used.has(own)) throw invalid(`the id ${own} is there twice`);
    used.add(own);
    ids.set(keyOf(path), own);
  }
  return ids;
}

function otherParents(
  { path, otherParents: given }: GivenNode,
  idOf: ReadonlyMap<string, string>,
  before: TaxonomyNode | undefined,
): readonly string[] {
  if (given === undefined) return before?.otherParents ?? [];
  return given
    .map((parent) => {
      const id = idOf.get(keyOf(parent));
      if (id === undefined)
        throw invalid(`${keyOf(path)} has the further parent ${keyOf(parent)}, which the file has not`);
      return id;
    })
    .sort();
}

/** From the leaves up, so that what takes the documents of a node is still there, or goes in its turn. */
function withoutOthers(taxonomy: Taxonomy, kept: ReadonlySet<string>): Taxonomy {
  let left = taxonomy;
  for (;;) {
    const children = childrenOf(left, false);
    const leaf = [...left.nodes.keys()].find((id) => !kept.has(id) && !children.has(id));
    if (leaf === undefined) return left;
    left = deleteNode(left, { id: leaf, branch: false });
  }
}

function invalid(message: string): AppError {
  return new AppError('validation_failed', `/content: ${message}.`, {
    errors: [{ pointer: '/content', message }],
  });
}
