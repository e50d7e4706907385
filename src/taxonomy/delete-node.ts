import { AppError } from '../errors.ts';
import { openWorkbench, replaceNode } from './replace-node.ts';
import { branchOf, type Taxonomy, type TaxonomyNode } from './taxonomy.ts';

/** Takes a node away, alone or with all below it; see `Edit`. */
export function deleteNode(
  taxonomy: Taxonomy,
  { id, reassignTo, branch }: { id: string; reassignTo?: string | null | undefined; branch: boolean },
): Taxonomy {
  const node = taxonomy.nodes.get(id) as TaxonomyNode;
  const gone = branch ? branchOf(taxonomy, id, false) : new Set([id]);
  const target = reassignTo === undefined ? node.parentId : reassignTo;
  if (target !== null && !taxonomy.nodes.has(target))
    throw new AppError('not_found', `The draft has no node ${target} to take the documents.`);
  if (target !== null && gone.has(target))
    throw new AppError('conflict', 'The documents can’t go to a node that is deleted, too.');
  const bench = openWorkbench(taxonomy);
  for (const child of taxonomy.nodes.values()) {
    if (child.parentId !== id || gone.has(child.id)) continue;
    const otherParents = child.otherParents.filter((other) => other !== node.parentId);
    bench.nodes.set(child.id, { ...child, parentId: node.parentId, otherParents });
  }
  for (const each of gone) dropFurtherParent(bench.nodes, each);
  for (const each of gone) replaceNode(bench, each, target, 'deleted');
  return bench;
}

/** What takes the documents of a deleted node is no parent of what the node was a further parent of. */
function dropFurtherParent(nodes: Map<string, TaxonomyNode>, id: string): void {
  for (const node of nodes.values())
    if (node.otherParents.includes(id))
      nodes.set(node.id, { ...node, otherParents: node.otherParents.filter((other) => other !== id) });
}
