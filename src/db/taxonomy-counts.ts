import type { Access } from '../access.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';

export interface DocumentsAffected {
  /** Documents that stand at other nodes, or at the same by another path. */
  affected: number;
  /** Those that stood somewhere and stand nowhere now. */
  unassigned: number;
  /** Documents assigned to concepts that the version does not know, and of these the ones that stand nowhere by it. */
  mapped: number;
  lost: number;
}

/** Documents that are found elsewhere under version `b` than under `a`. */
export async function compareDocuments(
  db: Db,
  a: string,
  b: string,
): Promise<Pick<DocumentsAffected, 'affected' | 'unassigned'>> {
  const { rows } = await db.raw(
    `with changed as materialized (
       select a.id from taxonomy_nodes a left join taxonomy_nodes b on b.version = :b and b.id = a.id
        where a.version = :a and b.path is distinct from a.path
       union select b.id from taxonomy_nodes b left join taxonomy_nodes a on a.version = :a and a.id = b.id
        where b.version = :b and a.path is distinct from b.path
       union select r.id from taxonomy_redirects r where r.version in (:a, :b)
       union select t.from_id from taxonomy_allotments t where t.version in (:a, :b)),
     -- Through what stands for them in either version, too.
     near as materialized (
       select id from changed
       union select r.id from taxonomy_redirects r join changed c on c.id = r.node_id where r.version in (:a, :b)
       union select t.from_id from taxonomy_allotments t join changed c on c.id = t.node_id where t.version in (:a, :b)),
     moved as materialized (
       select a.document_id, old.node_id as old, new.node_id as new,
              (old.node_id, old.path) is distinct from (new.node_id, new.path) as differs
         from document_nodes a join near on near.id = a.node_id
         join documents d on d.id = a.document_id and d.deleted_at is null
         left join document_places old on old.version = :a and old.document_id = a.document_id and old.assigned_id = a.node_id
         left join document_places new on new.version = :b and new.document_id = a.document_id and new.assigned_id = a.node_id)
     select count(distinct document_id) filter (where differs)::int as affected,
            count(distinct document_id) filter (where old is not null and new is null and not exists (
              select from document_places p where p.version = :b and p.document_id = m.document_id))::int as unassigned
       from moved m`,
    { a, b },
  );
  return rows[0];
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

/** How many documents that the key may see stand at exactly these nodes of a version, each set of nodes once. */
export async function countPlaces(
  db: Db,
  version: string,
  access: Access | undefined,
): Promise<{ nodes: string[]; documents: number }[]> {
  const { document, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select nodes, count(*)::int as documents from (
       select array_agg(distinct p.node_id::text) as nodes
         from document_places p join documents d on d.id = p.document_id and d.deleted_at is null and ${document}
        where p.version = :version group by p.document_id) as each group by nodes`,
    { ...bindings, version },
  );
  return rows;
}
