import { childrenOf, pathsOf } from '../taxonomy/taxonomy.ts';
import type { Db } from './connect.ts';
import { readTaxonomy } from './taxonomy-snapshot.ts';

const largestShown = 10;

/** Size and shape of a version, and how documents stand in it. */
export async function readStatistics(db: Db, version: string) {
  const taxonomy = await readTaxonomy(db, version);
  const { rows } = await db.raw(
    `select p.node_id as id, count(distinct p.document_id)::int as documents
       from document_places p join documents d on d.id = p.document_id and d.deleted_at is null
      where p.version = ? group by p.node_id`,
    [version],
  );
  const at = new Map<string, number>(
    rows.map(({ id, documents }: { id: string; documents: number }) => [id, documents]),
  );
  const paths = pathsOf(taxonomy);
  const children = childrenOf(taxonomy, true);
  const leaves = [...taxonomy.nodes.keys()].filter((id) => !children.has(id));
  const largest = [...at].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, largestShown);
  return {
    ...{ nodes: taxonomy.nodes.size, roots: children.get(null)?.length ?? 0, leaves: leaves.length },
    depth: Math.max(0, ...[...paths.values()].map((path) => path.length)),
    further_parents: [...taxonomy.nodes.values()].reduce((sum, node) => sum + node.otherParents.length, 0),
    empty_nodes: leaves.filter((id) => !at.has(id)).length,
    ...(await countDocuments(db, version)),
    largest: largest.map(([id, documents]) => ({ id, path: paths.get(id) ?? [], documents })),
  };
}

async function countDocuments(db: Db, version: string) {
  const { rows } = await db.raw(
    `with there as materialized (
       select d.id, count(distinct p.node_id) as nodes from documents d
         left join document_places p on p.document_id = d.id and p.version = ?
        where d.deleted_at is null group by d.id)
     select count(*)::int as documents, count(*) filter (where nodes > 0)::int as documents_assigned,
            count(*) filter (where nodes = 0)::int as documents_unassigned,
            count(*) filter (where nodes > 1)::int as documents_at_several,
            (select json_build_object('given', count(*) filter (where a.source = 'given'),
                      'classified', count(*) filter (where a.source = 'classified'),
                      'review', count(*) filter (where a.source = 'review'))
               from document_nodes a join documents d on d.id = a.document_id and d.deleted_at is null) as assignments
       from there`,
    [version],
  );
  return rows[0];
}
