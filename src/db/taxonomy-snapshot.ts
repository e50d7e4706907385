import type { Knex } from 'knex';
import { diffOf } from '../taxonomy/diff.ts';
import { pathsOf, type Redirect, type Taxonomy, type TaxonomyNode } from '../taxonomy/taxonomy.ts';
import type { Db } from './connect.ts';

/** The whole of a version; an unknown one is empty. */
export async function readTaxonomy(db: Db, version: string): Promise<Taxonomy> {
  const { rows } = await db.raw(
    `select n.id, n.label, n.description, n.parent_id as "parentId", n.split_from as "splitFrom",
            coalesce(p.parents, '{}') as "otherParents"
       from taxonomy_nodes n left join (
         select id, array_agg(parent_id::text order by parent_id) as parents from taxonomy_parents
          where version = :version group by id) as p on p.id = n.id
      where n.version = :version order by n.path`,
    { version },
  );
  const redirects = await db('taxonomy_redirects')
    .where({ version })
    .select('id', 'node_id as nodeId', 'kind');
  return {
    nodes: new Map(rows.map((row: TaxonomyNode) => [row.id, row])),
    redirects: new Map(redirects.map(({ id, nodeId, kind }) => [id, { nodeId, kind }])),
  };
}

/** Makes the rows of a version, which say `before`, say `after`: only what differs is written. */
export async function writeTaxonomy(
  trx: Knex.Transaction,
  version: string,
  before: Taxonomy,
  after: Taxonomy,
): Promise<void> {
  const [oldPaths, paths] = [pathsOf(before), pathsOf(after)];
  const rowOf = (taxonomy: Taxonomy, path: string[] | undefined, id: string) =>
    JSON.stringify([taxonomy.nodes.get(id), path]);
  const changed = [...after.nodes.values()].filter(
    ({ id }) => rowOf(before, oldPaths.get(id), id) !== rowOf(after, paths.get(id), id),
  );
  const removed = [...before.nodes.keys()].filter((id) => !after.nodes.has(id));
  await deleteNodes(trx, version, [...removed, ...changed.map(({ id }) => id)]);
  await insertNodes(trx, version, changed, paths);
  const { redirects } = diffOf(before, after);
  await trx('taxonomy_redirects')
    .where({ version })
    .whereRaw('id = any(?::uuid[])', [redirects.map(({ id }) => id)])
    .delete();
  await addRedirects(
    trx,
    version,
    redirects.flatMap(({ id, to }) => (to ? [[id, to] as const] : [])),
  );
}

async function deleteNodes(trx: Knex.Transaction, version: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  for (const table of ['taxonomy_parents', 'taxonomy_nodes'])
    await trx(table)
      .where({ version })
      .whereRaw('id = any(?::uuid[])', [[...ids]])
      .delete();
}

async function insertNodes(
  trx: Knex.Transaction,
  version: string,
  nodes: readonly TaxonomyNode[],
  paths: ReadonlyMap<string, string[]>,
): Promise<void> {
  if (nodes.length === 0) return;
  const rows = nodes.map((node) => ({ ...node, path: paths.get(node.id) }));
  await trx.raw(
    `with given as (
       select * from jsonb_to_recordset(:rows::jsonb) as g(id uuid, label text, description text, "parentId" uuid,
              "splitFrom" uuid, "otherParents" uuid[], path text[])),
     further as (
       insert into taxonomy_parents (version, id, parent_id)
       select :version, g.id, parent from given g cross join unnest(g."otherParents") as parent)
     insert into taxonomy_nodes (version, id, parent_id, label, description, split_from, path)
     select :version, id, "parentId", label, description, "splitFrom", path from given`,
    { version, rows: JSON.stringify(rows) },
  );
}

export async function addRedirects(
  trx: Knex.Transaction,
  version: string,
  redirects: readonly (readonly [string, Redirect])[],
): Promise<void> {
  if (redirects.length === 0) return;
  await trx.raw(
    `insert into taxonomy_redirects (version, id, node_id, kind)
     select :version, * from unnest(:ids::uuid[], :nodes::uuid[], :kinds::text[])`,
    {
      version,
      ids: redirects.map(([id]) => id),
      nodes: redirects.map(([, { nodeId }]) => nodeId),
      kinds: redirects.map(([, { kind }]) => kind),
    },
  );
}
