import { AppError } from '../errors.ts';
import { deleteNode } from './delete-node.ts';
import { mergeNodes } from './merge-nodes.ts';
import { splitNode } from './split-node.ts';
import { branchOf, type Taxonomy, type TaxonomyNode } from './taxonomy.ts';
import { type Limits, refuseNewProblems } from './validate.ts';

/** A change of the draft. Ids of new nodes come with it, so that the same edit gives the same taxonomy. */
export type Edit =
  | { kind: 'create'; id: string; label: string; description: string; parentId: string | null }
  | { kind: 'change'; id: string; label?: string | undefined; description?: string | undefined }
  | { kind: 'move'; id: string; parentId: string | null }
  | { kind: 'merge'; id: string; into: string }
  | { kind: 'split'; id: string; parts: readonly { id: string; label: string; description: string }[] }
  | {
      kind: 'delete';
      id: string;
      /** What takes its documents; null: they stand nowhere, undefined: its parent does. */
      reassignTo?: string | null | undefined;
      /** Whether all below goes with it; otherwise its children become its parent's. */
      branch: boolean;
    }
  | { kind: 'add_parent'; id: string; parentId: string }
  | { kind: 'remove_parent'; id: string; parentId: string };

/**
 * The taxonomy after the edit; what was given stays as it is.
 *
 * @throws AppError `not_found` for a node that it does not have, `conflict` when the result would be no valid taxonomy, saying why
 */
export function applyEdit(taxonomy: Taxonomy, edit: Edit, limits: Limits): Taxonomy {
  if (edit.kind !== 'create') nodeOf(taxonomy, edit.id);
  const after = change(taxonomy, edit);
  refuseNewProblems(taxonomy, after, limits, 'edit');
  return after;
}

function change(taxonomy: Taxonomy, edit: Edit): Taxonomy {
  switch (edit.kind) {
    case 'create':
      return create(taxonomy, edit);
    case 'change':
      return withNode(taxonomy, {
        ...nodeOf(taxonomy, edit.id),
        ...(edit.label !== undefined && { label: edit.label }),
        ...(edit.description !== undefined && { description: edit.description }),
      });
    case 'move':
      return move(taxonomy, edit.id, edit.parentId);
    case 'merge':
      nodeOf(taxonomy, edit.into);
      return mergeNodes(taxonomy, edit.id, edit.into);
    case 'split':
      return splitNode(taxonomy, edit.id, edit.parts);
    case 'delete':
      return deleteNode(taxonomy, edit);
    case 'add_parent':
      return addParent(taxonomy, edit.id, edit.parentId);
    case 'remove_parent':
      return removeParent(taxonomy, edit.id, edit.parentId);
  }
}

function create(
  taxonomy: Taxonomy,
  { id, label, description, parentId }: Extract<Edit, { kind: 'create' }>,
): Taxonomy {
  if (parentId !== null) nodeOf(taxonomy, parentId);
  if (taxonomy.nodes.has(id) || taxonomy.redirects.has(id))
    throw new AppError('conflict', `There is a node ${id} already.`);
  return withNode(taxonomy, { id, label, description, parentId, otherParents: [], splitFrom: null });
}

/** Whatever is below follows. A further parent that becomes the one of the path is no further one any more. */
function move(taxonomy: Taxonomy, id: string, parentId: string | null): Taxonomy {
  const node = nodeOf(taxonomy, id);
  if (parentId !== null) nodeOf(taxonomy, parentId);
  if (parentId !== null && branchOf(taxonomy, id, true).has(parentId))
    throw new AppError('conflict', 'The edit is refused (cycle): the new parent is the node or below it.');
  return withNode(taxonomy, {
    ...node,
    parentId,
    otherParents: node.otherParents.filter((other) => other !== parentId),
  });
}

function addParent(taxonomy: Taxonomy, id: string, parentId: string): Taxonomy {
  const node = nodeOf(taxonomy, id);
  nodeOf(taxonomy, parentId);
  if (node.parentId === parentId || node.otherParents.includes(parentId))
    throw new AppError('conflict', 'It is a parent of the node already.');
  return withNode(taxonomy, { ...node, otherParents: [...node.otherParents, parentId].sort() });
}

function removeParent(taxonomy: Taxonomy, id: string, parentId: string): Taxonomy {
  const node = nodeOf(taxonomy, id);
  if (node.parentId === parentId)
    throw new AppError('conflict', 'The path goes through this parent: move the node instead.');
  if (!node.otherParents.includes(parentId))
    throw new AppError('not_found', 'The node has no such further parent.');
  return withNode(taxonomy, {
    ...node,
    otherParents: node.otherParents.filter((other) => other !== parentId),
  });
}

function withNode({ nodes, redirects }: Taxonomy, node: TaxonomyNode): Taxonomy {
  return { nodes: new Map(nodes).set(node.id, node), redirects };
}

/** @throws AppError `not_found` */
function nodeOf({ nodes }: Taxonomy, id: string): TaxonomyNode {
  const node = nodes.get(id);
  if (!node) throw new AppError('not_found', `The draft has no node ${id}.`);
  return node;
}
