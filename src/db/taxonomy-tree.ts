import type { Access } from '../access.ts';
import { ancestorsOf, pathsOf, resolve, type Taxonomy } from '../taxonomy/taxonomy.ts';
import type { Db } from './connect.ts';
import { countAssigned } from './taxonomy-counts.ts';
import { readTaxonomy } from './taxonomy-snapshot.ts';

export interface TreeNode {
  id: string;
  path: string[];
  label: string;
  description: string;
  parent_id: string | null;
  other_parents: readonly string[];
  /** At the node or below it, by whichever parent; each once. */
  documents: number;
  /** At the node itself. */
  own_documents: number;
}

/**
 * Nodes of a version, parents before children. A restricted key sees the nodes that lead to what it may see: on the way to its
 * paths or below them, and with documents of its collections.
 */
export async function listNodes(db: Db, version: string, access: Access | undefined): Promise<TreeNode[]> {
  const taxonomy = await readTaxonomy(db, version);
  const counts = addUp(taxonomy, await countAssigned(db, version, access));
  const paths = pathsOf(taxonomy);
  const nodes = [...taxonomy.nodes.values()].map(({ id, label, description, parentId, otherParents }) => ({
    ...{
      id,
      path: paths.get(id) ?? [],
      label,
      description,
      parent_id: parentId,
      other_parents: otherParents,
    },
    ...{ documents: counts.below.get(id) ?? 0, own_documents: counts.own.get(id) ?? 0 },
  }));
  return access ? seenBy(access, nodes) : nodes;
}

function addUp(taxonomy: Taxonomy, assigned: readonly { concepts: string[]; documents: number }[]) {
  const own = new Map<string, number>();
  const below = new Map<string, number>();
  const add = (to: Map<string, number>, id: string, n: number) => to.set(id, (to.get(id) ?? 0) + n);
  for (const { concepts, documents } of assigned) {
    const nodes = new Set(concepts.flatMap((id) => resolve(taxonomy, id) ?? []));
    for (const id of nodes) add(own, id, documents);
    const above = new Set([...nodes].flatMap((id) => [...ancestorsOf(taxonomy, id)]));
    for (const id of above) add(below, id, documents);
  }
  return { own, below };
}

function seenBy({ taxonomyPaths, collections }: Access, nodes: TreeNode[]): TreeNode[] {
  const startsWith = (path: readonly string[], prefix: readonly string[]) =>
    prefix.every((label, i) => path[i] === label);
  const near = ({ path }: TreeNode) =>
    taxonomyPaths?.some((own) => startsWith(path, own) || startsWith(own, path)) ?? true;
  const seen = nodes.filter((node) => near(node) && (!collections || node.documents > 0));
  const ids = new Set(seen.map(({ id }) => id));
  // A parent that the key is not shown has no name for it, nor an id.
  return seen.map((node) => ({ ...node, other_parents: node.other_parents.filter((id) => ids.has(id)) }));
}
