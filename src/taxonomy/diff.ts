import { pathsOf, type Redirect, type Taxonomy, type TaxonomyNode } from './taxonomy.ts';

interface Change<Value> {
  id: string;
  from: Value;
  to: Value;
}

/** What makes one version of another; `applyDiff(a, diffOf(a, b))` is `b`. */
export interface TaxonomyDiff {
  added: TaxonomyNode[];
  removed: TaxonomyNode[];
  renamed: Change<string>[];
  described: Change<string>[];
  /** Parents that paths go through. */
  moved: Change<string | null>[];
  /** Further parents. */
  parents: Change<readonly string[]>[];
  /** What stands for concepts without a node; null: nothing said. */
  redirects: Change<Redirect | null>[];
}

/** In order of ids. A node that was moved and renamed is in both lists. */
export function diffOf(a: Taxonomy, b: Taxonomy): TaxonomyDiff {
  const shared = sorted(a.nodes.keys()).flatMap((id) => {
    const [from, to] = [a.nodes.get(id) as TaxonomyNode, b.nodes.get(id)];
    return to ? [{ id, from, to }] : [];
  });
  const changed = <Value>(read: (node: TaxonomyNode) => Value): Change<Value>[] =>
    shared
      .map(({ id, from, to }) => ({ id, from: read(from), to: read(to) }))
      .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to));
  const split = changed((node) => node.splitFrom);
  const replaced = new Set(split.map(({ id }) => id));
  const keep = <Value>(changes: Change<Value>[]) => changes.filter(({ id }) => !replaced.has(id));
  return {
    // Where a concept came from never changes but by an import of another file: then it is another node.
    added: onlyIn(b, a, replaced),
    removed: onlyIn(a, b, replaced),
    renamed: keep(changed((node) => node.label)),
    described: keep(changed((node) => node.description)),
    moved: keep(changed((node) => node.parentId)),
    parents: keep(changed((node) => node.otherParents)),
    redirects: redirectChanges(a, b),
  };
}

export function applyDiff(a: Taxonomy, diff: TaxonomyDiff): Taxonomy {
  const nodes = new Map(a.nodes);
  const redirects = new Map(a.redirects);
  for (const { id } of diff.removed) nodes.delete(id);
  for (const node of diff.added) nodes.set(node.id, node);
  const set = <Value>(changes: Change<Value>[], part: (value: Value) => Partial<TaxonomyNode>) => {
    for (const { id, to } of changes) nodes.set(id, { ...(nodes.get(id) as TaxonomyNode), ...part(to) });
  };
  set(diff.renamed, (label) => ({ label }));
  set(diff.described, (description) => ({ description }));
  set(diff.moved, (parentId) => ({ parentId }));
  set(diff.parents, (otherParents) => ({ otherParents }));
  for (const { id, to } of diff.redirects) {
    if (to === null) redirects.delete(id);
    else redirects.set(id, to);
  }
  return { nodes, redirects };
}

/** Nodes whose path is another one in `b`, with both paths: what was renamed or moved, and all below it. */
export function changedPaths(a: Taxonomy, b: Taxonomy): { id: string; from: string[]; to: string[] }[] {
  const [before, after] = [pathsOf(a), pathsOf(b)];
  return sorted(before.keys()).flatMap((id) => {
    const [from, to] = [before.get(id) as string[], after.get(id)];
    return to && JSON.stringify(from) !== JSON.stringify(to) ? [{ id, from, to }] : [];
  });
}

export function isSame(a: Taxonomy, b: Taxonomy): boolean {
  return Object.values(diffOf(a, b)).every((changes) => changes.length === 0);
}

function onlyIn(here: Taxonomy, there: Taxonomy, replaced: ReadonlySet<string>): TaxonomyNode[] {
  return sorted(here.nodes.keys())
    .filter((id) => !there.nodes.has(id) || replaced.has(id))
    .map((id) => here.nodes.get(id) as TaxonomyNode);
}

function redirectChanges(a: Taxonomy, b: Taxonomy): TaxonomyDiff['redirects'] {
  return sorted(new Set([...a.redirects.keys(), ...b.redirects.keys()]))
    .map((id) => ({ id, from: a.redirects.get(id) ?? null, to: b.redirects.get(id) ?? null }))
    .filter(({ from, to }) => from?.nodeId !== to?.nodeId || from?.kind !== to?.kind);
}

function sorted(ids: Iterable<string>): string[] {
  return [...ids].sort();
}
