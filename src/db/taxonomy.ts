import type { Access } from '../access.ts';
import { AppError } from '../errors.ts';
import { maySee, startsWithAny } from './access-conditions.ts';
import type { Db } from './connect.ts';

/** The taxonomy version that search and new documents go by. */
export async function versionInForce(db: Db): Promise<string> {
  const row = await db('taxonomy_versions').where('in_force', true).first('version');
  return row.version as string;
}

/**
 * Makes sure that every path and all its ancestors exist in the version in force. With `create` off a missing path is
 * `unknown_taxonomy_path`. Shapes: a path is its labels from the root, `['HR', 'Leave']`; the empty path always exists.
 */
export async function ensurePaths(db: Db, paths: readonly string[][], create: boolean): Promise<void> {
  const wanted = new Map(paths.flatMap(withAncestors).map((path) => [JSON.stringify(path), path]));
  if (wanted.size === 0) return;
  const version = await versionInForce(db);
  const known = await db('taxonomy_nodes').where({ version }).pluck('path');
  const missing = [...wanted.values()].filter(
    (path) => !known.some((other: string[]) => JSON.stringify(other) === JSON.stringify(path)),
  );
  if (missing.length === 0) return;
  if (!create) {
    throw new AppError(
      'unknown_taxonomy_path',
      `The taxonomy has no path ${JSON.stringify(missing[0])}: create it first, or turn AUTO_CREATE_TAXONOMY on.`,
    );
  }
  const rows = missing.map((path) => ({ version, path, label: path.at(-1) }));
  // In one order whoever inserts, so that nobody waits for somebody who waits for him.
  rows.sort((a, b) => (JSON.stringify(a.path) < JSON.stringify(b.path) ? -1 : 1));
  await db('taxonomy_nodes').insert(rows).onConflict(['version', 'path']).ignore();
}

function withAncestors(path: string[]): string[][] {
  return path.map((_, depth) => path.slice(0, depth + 1));
}

export interface TaxonomyNode {
  id: string;
  path: string[];
  label: string;
  documents: number;
}

export async function listVersions(
  db: Db,
): Promise<{ version: string; in_force: boolean; created_at: Date }[]> {
  return db('taxonomy_versions').orderBy('created_at', 'desc').select('version', 'in_force', 'created_at');
}

/**
 * Nodes of a version, parents before children; `documents` counts those at the node or below it. A restricted key sees the
 * nodes that lead to what it may see: on the way to its paths or below them, and with documents of its collections.
 */
export async function listNodes(
  db: Db,
  version: string,
  access: Access | undefined,
): Promise<TaxonomyNode[]> {
  const { document, bindings } = maySee(access);
  const { taxonomyPaths, collections } = access ?? {};
  const shown = taxonomyPaths ? nearAny(taxonomyPaths, bindings) : 'true';
  const { rows } = await db.raw(
    `select n.id, n.path, n.label, count(d.id)::int as documents
       from taxonomy_nodes n
       left join documents d on d.deleted_at is null and d.taxonomy_path[1:cardinality(n.path)] = n.path and ${document}
      where n.version = :version and ${shown} group by n.id
     having ${collections ? 'count(d.id) > 0' : 'true'} order by n.path`,
    { ...bindings, version },
  );
  return rows;
}

/** A condition on `n`: it lies under one of the paths, or one of them under it. */
function nearAny(paths: readonly string[][], bindings: Record<string, unknown>): string {
  const under = startsWithAny(paths, { column: 'n.path', name: 'near' }, bindings);
  const above = paths.map((_, i) => `n.path = (:near${i}::text[])[1:cardinality(n.path)]`);
  return `(${[under, ...above].join(' or ')})`;
}
