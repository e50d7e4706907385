import type { Redirect, Taxonomy, TaxonomyNode } from './taxonomy.ts';

/** Maps of their own, to be changed by whoever makes a new version. */
export interface Workbench {
  nodes: Map<string, TaxonomyNode>;
  redirects: Map<string, Redirect>;
}

export function openWorkbench({ nodes, redirects }: Taxonomy): Workbench {
  return { nodes: new Map(nodes), redirects: new Map(redirects) };
}

/**
 * Takes the node away: from now on `by` stands for it, for what it stood for, and as a further parent wherever it was one. Its
 * children must have got another parent.
 */
export function replaceNode(
  { nodes, redirects }: Workbench,
  id: string,
  by: string | null,
  kind: Redirect['kind'],
): void {
  nodes.delete(id);
  for (const [from, redirect] of redirects)
    if (redirect.nodeId === id) redirects.set(from, { ...redirect, nodeId: by });
  redirects.set(id, { nodeId: by, kind });
  for (const node of nodes.values()) {
    if (!node.otherParents.includes(id)) continue;
    const others = new Set(node.otherParents.map((other) => (other === id ? by : other)));
    others.delete(null);
    others.delete(node.parentId);
    others.delete(node.id);
    nodes.set(node.id, { ...node, otherParents: [...others].sort() as string[] });
  }
}
