import { AppError } from '../errors.ts';
import { openWorkbench, replaceNode, type Workbench } from './replace-node.ts';
import { branchOf, type Taxonomy } from './taxonomy.ts';

/**
 * `id` becomes `into`: its documents and children are the other's from now on, and children of one name become one in the same
 * way. Its own further parents go with it.
 */
export function mergeNodes(taxonomy: Taxonomy, id: string, into: string): Taxonomy {
  if (branchOf(taxonomy, id, true).has(into))
    throw new AppError('conflict', 'The edit is refused (cycle): a node can’t become one that is below it.');
  const bench = openWorkbench(taxonomy);
  merge(bench, id, into);
  return bench;
}

function merge(bench: Workbench, id: string, into: string): void {
  const ofTarget = new Map<string, string>();
  const own: string[] = [];
  for (const node of bench.nodes.values()) {
    if (node.parentId === into) ofTarget.set(node.label, node.id);
    if (node.parentId === id) own.push(node.id);
  }
  for (const child of own) {
    const node = bench.nodes.get(child);
    if (!node) continue;
    const other = ofTarget.get(node.label);
    if (other !== undefined && other !== id) merge(bench, child, other);
    else
      bench.nodes.set(child, {
        ...node,
        parentId: into,
        otherParents: node.otherParents.filter((parent) => parent !== into),
      });
  }
  replaceNode(bench, id, into, 'merged');
}
