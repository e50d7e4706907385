import type { Knex } from 'knex';

interface NewNode {
  id: string;
  parent_id: string | null;
  label: string;
}

/** The name of the version that is being edited. */
export const draftVersion = 'draft';

/**
 * Nodes that documents have just brought into the version in force are in the draft, too, or publishing it would lose them:
 * under the node that their parent has become there. Where one of that name is there already it stands for the new one.
 */
export async function addToDraft(trx: Knex.Transaction, nodes: readonly NewNode[]): Promise<void> {
  if (nodes.length === 0) return;
  if (!(await trx('taxonomy_versions').where('version', draftVersion).first('version'))) return;
  await trx.raw(
    `with wanted as (
       select w.id, w.label, w.parent_id as said, n.id as parent_id, coalesce(n.path, '{}') || w.label as path
         from unnest(:ids::uuid[], :parents::uuid[], :labels::text[]) as w(id, parent_id, label)
         left join taxonomy_redirects r on r.version = :draft and r.id = w.parent_id
         left join taxonomy_nodes n on n.version = :draft and n.id = coalesce(r.node_id, w.parent_id)),
     made as (
       insert into taxonomy_nodes (version, id, parent_id, label, path)
       select :draft, id, parent_id, label, path from wanted where said is null or parent_id is not null
       on conflict (version, parent_id, label) do nothing returning id)
     insert into taxonomy_redirects (version, id, node_id, kind)
     select :draft, w.id, there.id, case when there.id is null then 'deleted' else 'merged' end
       from wanted w left join taxonomy_nodes there
         on there.version = :draft and there.parent_id is not distinct from w.parent_id and there.label = w.label
        and (w.said is null or w.parent_id is not null)
      where not exists (select from made m where m.id = w.id)`,
    {
      draft: draftVersion,
      ids: nodes.map(({ id }) => id),
      parents: nodes.map(({ parent_id }) => parent_id),
      labels: nodes.map(({ label }) => label),
    },
  );
}
