import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { AppError } from '../errors.ts';
import type { Db } from './connect.ts';
import { addToDraft } from './taxonomy-draft-additions.ts';

/** The taxonomy version that search and new documents go by. */
export async function versionInForce(db: Db): Promise<string> {
  const row = await db('taxonomy_versions').where('in_force', true).first('version');
  return row.version as string;
}

/** A node of the version in force. */
export interface Place {
  id: string;
  path: string[];
}

/** Nodes by the paths that were asked for. */
export interface Places {
  get(path: readonly string[]): Place | undefined;
}

type Known = Map<string, Place>;

/**
 * The nodes of the paths in the version in force; where there are none they are made, with all their ancestors: the one change
 * that a published version sees, since it takes nothing away. A path that was renamed, moved or merged is the node that it led
 * to. With `create` off a missing path is `unknown_taxonomy_path`. The empty path has no node.
 */
export async function ensurePaths(
  trx: Knex.Transaction,
  paths: readonly string[][],
  create: boolean,
): Promise<Places> {
  const wanted = paths.filter((path) => path.length > 0);
  const known: Known = new Map();
  await findPaths(trx, wanted, known);
  const missing = wanted.find((path) => !known.has(keyOf(path)));
  if (missing && !create) {
    throw new AppError(
      'unknown_taxonomy_path',
      `The taxonomy has no path ${JSON.stringify(missing)}: create it first, or turn AUTO_CREATE_TAXONOMY on.`,
    );
  }
  if (missing) await createPaths(trx, wanted, known);
  return { get: (path) => known.get(keyOf(path)) };
}

const keyOf = (path: readonly string[]) => JSON.stringify(path);

async function findPaths(db: Db, paths: readonly string[][], known: Known): Promise<void> {
  const asked = [...new Set(paths.map(keyOf))].filter((key) => !known.has(key));
  if (asked.length === 0) return;
  const { rows } = await db.raw(
    `select w.key, n.id, n.path
       from jsonb_array_elements(?::jsonb) with ordinality as p(path, nr)
       join unnest(?::text[]) with ordinality as w(key, nr) on w.nr = p.nr
      cross join lateral (
        select id from taxonomy_roots(array(select jsonb_array_elements_text(p.path))) as id) as root
       join taxonomy_nodes n on n.version = (select version from taxonomy_versions where in_force) and n.id = root.id
      order by w.nr, n.path desc`,
    [`[${asked.join(',')}]`, asked],
  );
  // Of the parts of a split concept the first in order stands for it.
  for (const { key, id, path } of rows) known.set(key, { id, path });
}

/** For each path those of the nodes that stand for it in the version in force; none: it leads nowhere. */
export async function findBranches(
  db: Db,
  paths: readonly string[][],
): Promise<{ asked: string[]; now: string[][] }[]> {
  const storable = paths.filter((path) => !keyOf(path).includes('\\u0000'));
  const { rows } = await db.raw(
    `select p.nr::int, n.path from jsonb_array_elements(?::jsonb) with ordinality as p(path, nr)
      cross join lateral (
        select id from taxonomy_roots(array(select jsonb_array_elements_text(p.path))) as id) as root
       join taxonomy_nodes n on n.version = (select version from taxonomy_versions where in_force) and n.id = root.id
      order by p.nr, n.path`,
    [JSON.stringify(storable)],
  );
  const found = (asked: string[]) => storable.indexOf(asked) + 1;
  return paths.map((asked) => ({
    asked,
    now: rows.flatMap(({ nr, path }: { nr: number; path: string[] }) => (nr === found(asked) ? [path] : [])),
  }));
}

/** Level by level, so that parents are there; in one order whoever inserts, so that nobody waits for somebody who waits for him. */
async function createPaths(trx: Knex.Transaction, paths: readonly string[][], known: Known): Promise<void> {
  // Publishing waits for this, and this for publishing: what is made is of the version in force until the transaction ends.
  await trx.raw('lock table taxonomy_versions in share mode');
  const version = await versionInForce(trx);
  known.clear();
  const deepest = Math.max(...paths.map((path) => path.length));
  for (let depth = 1; depth <= deepest; depth++) {
    const level = paths.filter((path) => path.length >= depth).map((path) => path.slice(0, depth));
    await findPaths(trx, level, known);
    const missing = [...new Map(level.map((path) => [keyOf(path), path]))]
      .filter(([key]) => !known.has(key))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (missing.length === 0) continue;
    const rows = missing.map(([, path]) => {
      const parent = known.get(keyOf(path.slice(0, -1)));
      const label = path.at(-1) as string;
      return {
        version,
        id: randomUUID(),
        parent_id: parent?.id ?? null,
        label,
        path: [...(parent?.path ?? []), label],
      };
    });
    const inserted = await trx('taxonomy_nodes')
      .insert(rows)
      .onConflict(['version', 'parent_id', 'label'])
      .ignore()
      .returning(['id', 'parent_id', 'label']);
    await addToDraft(trx, inserted);
    await findPaths(trx, level, known);
  }
}

export interface VersionRow {
  version: string;
  in_force: boolean;
  parent: string | null;
  /** null: the draft. */
  published_at: Date | null;
  published_by: string | null;
  reason: string | null;
  created_at: Date;
}

/** The draft first, then the published ones, newest first. */
export async function listVersions(db: Db): Promise<VersionRow[]> {
  return db('taxonomy_versions').orderByRaw('published_at desc nulls first, created_at desc').select('*');
}

export async function findVersionOf(db: Db, version: string): Promise<VersionRow | undefined> {
  return db('taxonomy_versions').where({ version }).first();
}

export async function findPath(
  db: Db,
  version: string,
  path: readonly string[],
): Promise<string | undefined> {
  const row = await db('taxonomy_nodes')
    .where({ version })
    .whereRaw('path = ?::text[]', [[...path]])
    .first('id');
  return row?.id;
}
