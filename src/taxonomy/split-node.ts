import { AppError } from '../errors.ts';
import { openWorkbench, replaceNode } from './replace-node.ts';
import type { Taxonomy, TaxonomyNode } from './taxonomy.ts';

/**
 * `id` makes room for its parts, which stand where it stood. The first one takes its children and stands for it: what of its
 * documents belongs to another part is allotted document by document.
 */
export function splitNode(
  taxonomy: Taxonomy,
  id: string,
  parts: readonly { id: string; label: string; description: string }[],
): Taxonomy {
  const [first, second] = parts;
  if (!first || !second) throw new AppError('conflict', 'A node is split into two parts at least.');
  const whole = taxonomy.nodes.get(id) as TaxonomyNode;
  const bench = openWorkbench(taxonomy);
  for (const node of taxonomy.nodes.values())
    if (node.parentId === id) bench.nodes.set(node.id, { ...node, parentId: first.id });
  const { parentId, otherParents } = whole;
  for (const part of parts) bench.nodes.set(part.id, { ...part, parentId, otherParents, splitFrom: id });
  replaceNode(bench, id, first.id, 'split');
  return bench;
}
