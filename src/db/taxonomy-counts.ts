import type { Access } from '../access.ts';
import { pathsOf, resolve, type Taxonomy } from '../taxonomy/taxonomy.ts';
import type { Db } from './connect.ts';
import { visibleDocuments } from './search.ts';

export interface DocumentsAffected {
  /** Documents that stand at other nodes, or at the same by another path. */
  affected: number;
  /** Those that stood somewhere and stand nowhere now. */
  unassigned: number;
  /** Documents assigned to concepts that the version does not know, and of these the ones that stand nowhere by it. */
  mapped: number;
  lost: number;
}

/** A version by its name, with all that it says. */
export interface NamedTaxonomy {
  version: string;
  taxonomy: Taxonomy;
}

/** Documents that are found elsewhere under version `b` than under `a`. */
export async function compareDocuments(
  db: Db,
  a: NamedTaxonomy,
  b: NamedTaxonomy,
): Promise<Pick<DocumentsAffected, 'affected' | 'unassigned'>> {
  const changed = changedConcepts(a.taxonomy, b.taxonomy);
  const { rows } = await db.raw(
    `with moved as materialized (
       select a.document_id, coalesce(c.lost, false) as lost
         from document_nodes a
         join documents d on d.id = a.document_id and d.deleted_at is null
         left join taxonomy_allotments ta on ta.version = :a and ta.document_id = a.document_id and ta.from_id = a.node_id
         left join taxonomy_allotments tb on tb.version = :b and tb.document_id = a.document_id and tb.from_id = a.node_id
         left join unnest(:ids::uuid[], :lost::boolean[]) as c(id, lost) on c.id = coalesce(tb.node_id, a.node_id)
        where c.id is not null or ta.node_id is distinct from tb.node_id)
     select count(distinct document_id)::int as affected,
            count(distinct document_id) filter (where lost and not exists (
              select from document_places p where p.version = :b and p.document_id = m.document_id))::int as unassigned
       from moved m`,
    {
      ...{ a: a.version, b: b.version },
      ids: changed.map(({ id }) => id),
      lost: changed.map(({ lost }) => lost),
    },
  );
  return rows[0];
}

/** Concepts for which another node stands, or the same at another path; `lost`: one did, and none does. */
function changedConcepts(a: Taxonomy, b: Taxonomy): { id: string; lost: boolean }[] {
  const paths = [a, b].map((taxonomy) => ({ taxonomy, paths: pathsOf(taxonomy) }));
  const placeOf = (id: string) =>
    paths.map(({ taxonomy, paths }) => {
      const node = resolve(taxonomy, id);
      return node === undefined ? undefined : JSON.stringify([node, paths.get(node)]);
    });
  const known = new Set([a, b].flatMap(({ nodes, redirects }) => [...nodes.keys(), ...redirects.keys()]));
  return [...known].flatMap((id) => {
    const [before, after] = placeOf(id);
    return before === after ? [] : [{ id, lost: before !== undefined && after === undefined }];
  });
}

export async function countStrangers(
  db: Db,
  version: string,
): Promise<Pick<DocumentsAffected, 'mapped' | 'lost'>> {
  const { rows } = await db.raw(
    `select count(distinct a.document_id)::int as mapped,
            count(distinct a.document_id) filter (where r.node_id is null and not exists (
              select from document_places p where p.version = :version and p.document_id = a.document_id))::int as lost
       from taxonomy_redirects r join document_nodes a on a.node_id = r.id
       join documents d on d.id = a.document_id and d.deleted_at is null
      where r.version = :version and r.kind = 'absent'`,
    { version },
  );
  return rows[0];
}

/**
 * How many documents that the key may see are assigned to exactly these concepts, as the version allots them; numbers for the
 * same concepts add up. Documents of one concept, as nearly all are, are counted by it from an index alone, all others one by one.
 */
export async function countAssigned(
  db: Db,
  version: string,
  access: Access | undefined,
): Promise<{ concepts: string[]; documents: number }[]> {
  const { seen, single, isSeen, bindings } = access ? countSeen(access) : countAll;
  const { rows } = await db.raw(
    `with several as (
       select document_id from documents_at_several
       union select document_id from taxonomy_allotments where version = :version),
     ${seen}
     ${single}
     union all
     select concepts::text[], count(*)::int from (
       select array_agg(coalesce(t.node_id, o.node_id) order by o.node_id) as concepts
         from other o left join taxonomy_allotments t
           on t.version = :version and t.document_id = o.document_id and t.from_id = o.node_id
        where ${isSeen} group by o.document_id) as each group by concepts`,
    { ...bindings, version },
  );
  return rows;
}

/** All assignments, less those that are not to be counted so: of documents with several, and of hidden ones. */
const countAll = {
  seen: `other as materialized (
       select a.document_id, a.node_id from document_nodes a join (
         select document_id from several union select id from documents where deleted_at is not null) as s
           on s.document_id = a.document_id)`,
  single: `select array[node_id::text] as concepts, count(*)::int as documents from document_nodes group by node_id
     union all
     select array[node_id::text], -count(*)::int from other group by node_id`,
  isSeen: 'not exists (select from documents d where d.id = o.document_id and d.deleted_at is not null)',
  bindings: {},
};

/** Of what the key sees, those with one assignment; and the others. */
function countSeen(access: Access) {
  const { from, where, bindings } = visibleDocuments({ access });
  return {
    seen: `seen as materialized (
       select a.document_id, a.node_id, s.document_id is not null as several
         from ${from} join document_nodes a on a.document_id = d.id left join several s on s.document_id = d.id
        where ${where}),
     other as (select document_id, node_id from seen where several)`,
    single: `select array[node_id::text] as concepts, count(*)::int as documents
       from seen where not several group by node_id`,
    isSeen: 'true',
    bindings,
  };
}
