/** A concept as one version of the taxonomy has it. Its id is the same in all versions. */
export interface TaxonomyNode {
  id: string;
  label: string;
  description: string;
  /** The parent that the path goes through; null: it is a root. */
  parentId: string | null;
  /** Further parents, in order of their ids. */
  otherParents: readonly string[];
  /** The concept of which it took a part, when that was split. */
  splitFrom: string | null;
}

/** What stands for a concept that a version has no node for. */
export interface Redirect {
  /** null: nothing does; documents of the concept stand nowhere. */
  nodeId: string | null;
  /** `absent`: the version is older than the concept. */
  kind: 'merged' | 'deleted' | 'split' | 'absent';
}

/** One version: an acyclic graph of concepts, and what became of those that it has no more. Never changed in place. */
export interface Taxonomy {
  nodes: ReadonlyMap<string, TaxonomyNode>;
  redirects: ReadonlyMap<string, Redirect>;
}

export const emptyTaxonomy: Taxonomy = { nodes: new Map(), redirects: new Map() };

/** Labels from the root to the node; undefined where its parents end in nothing or in themselves. */
export function pathOf({ nodes }: Taxonomy, id: string): string[] | undefined {
  const labels: string[] = [];
  const seen = new Set<string>();
  for (let at: string | null = id; at !== null; ) {
    const node: TaxonomyNode | undefined = seen.has(at) ? undefined : nodes.get(at);
    if (!node) return undefined;
    seen.add(at);
    labels.push(node.label);
    at = node.parentId;
  }
  return labels.reverse();
}

/** Every node's path, in time linear in what is given back; nodes whose parents lead nowhere are left out. */
export function pathsOf(taxonomy: Taxonomy): Map<string, string[]> {
  const children = childrenOf(taxonomy, false);
  const paths = new Map<string, string[]>();
  const open = [...(children.get(null) ?? [])];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const node = taxonomy.nodes.get(id) as TaxonomyNode;
    const above = node.parentId === null ? [] : (paths.get(node.parentId) as string[]);
    paths.set(id, [...above, node.label]);
    open.push(...(children.get(id) ?? []));
  }
  return paths;
}

/** Ids of children by parent; null has the roots. With `others` those of further parents, too. */
export function childrenOf({ nodes }: Taxonomy, others: boolean): Map<string | null, string[]> {
  const children = new Map<string | null, string[]>();
  for (const { id, parentId, otherParents } of nodes.values()) {
    for (const parent of others ? [parentId, ...otherParents] : [parentId]) {
      const siblings = children.get(parent);
      if (siblings) siblings.push(id);
      else children.set(parent, [id]);
    }
  }
  return children;
}

/** The node and all that is below it; with `others` by whichever parent. */
export function branchOf(taxonomy: Taxonomy, id: string, others: boolean): Set<string> {
  const children = childrenOf(taxonomy, others);
  const branch = new Set([id]);
  for (const at of branch) for (const child of children.get(at) ?? []) branch.add(child);
  return branch;
}

/** The node and all that is above it, by whichever parent. */
export function ancestorsOf({ nodes }: Taxonomy, id: string): Set<string> {
  const above = new Set([id]);
  for (const at of above) {
    const node = nodes.get(at);
    if (!node) continue;
    if (node.parentId !== null) above.add(node.parentId);
    for (const parent of node.otherParents) above.add(parent);
  }
  return above;
}

/** The node that stands for a concept; undefined: none. */
export function resolve({ nodes, redirects }: Taxonomy, id: string): string | undefined {
  if (nodes.has(id)) return id;
  const nodeId = redirects.get(id)?.nodeId;
  return nodeId != null && nodes.has(nodeId) ? nodeId : undefined;
}
