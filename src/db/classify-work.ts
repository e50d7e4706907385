import type { Knex } from 'knex';
import type { ClassifiedDocument } from '../classify/classification.ts';
import { replaceClassified } from './assignments.ts';
import type { Db } from './connect.ts';
import { offerReview, withdrawReview } from './review-tasks.ts';
import { versionInForceSql } from './taxonomy-places.ts';

/** A live document `d` that nobody but the machine has placed. */
const unplaced = `d.deleted_at is null and d.live_version is not null and not exists (
  select from document_nodes a where a.document_id = d.id and a.source <> 'classified')`;

/**
 * How many nodes in force have a description, a rule or three examples; counting ends at `enough`. Says without learning
 * anything, which may cost calls of the embedding model, whether that could be of use.
 */
export async function countDescribed(db: Db, enough: number): Promise<number> {
  const taught = `(select 1 from document_nodes a where a.node_id = n.id and a.source <> 'classified' limit 3)
    union all (select 1 from taxonomy_redirects r join document_nodes a on a.node_id = r.id and a.source <> 'classified'
                where r.version = n.version and r.node_id = n.id limit 3)
    union all (select 1 from classify_examples e where e.node_id = n.id limit 3)`;
  const { rows } = await db.raw(
    `select count(*)::int as n from (
       select from taxonomy_nodes n
        where n.version = ${versionInForceSql}
          and (trim(n.description) <> '' or exists (select from classify_rules r where r.node_id = n.id)
               or (select count(*) from (${taught}) as x) >= 3)
        limit :enough) as found`,
    { enough },
  );
  return rows[0].n;
}

/** Of a document that is to be classified: what is written must be of this version. */
export interface DueDocument {
  documentId: string;
  version: number;
}

/** Documents that were never classified as they are now, or are due again; oldest first. */
export async function findDue(db: Db, limit: number): Promise<DueDocument[]> {
  const { rows } = await db.raw(
    `select d.id as "documentId", d.live_version as version from documents d
       left join classifications c on c.document_id = d.id
      where ${unplaced} and (c.document_id is null or c.version <> d.live_version or c.due)
      order by d.created_at, d.id limit ?`,
    [limit],
  );
  return rows;
}

/** The document, unless somebody has placed it or it is classified as it is. */
export async function findDueDocument(db: Db, documentId: string): Promise<DueDocument | undefined> {
  const { rows } = await db.raw(
    `select d.id as "documentId", d.live_version as version from documents d
       left join classifications c on c.document_id = d.id
      where d.id = ? and ${unplaced} and (c.document_id is null or c.version <> d.live_version or c.due)`,
    [documentId],
  );
  return rows[0];
}

/**
 * All that comes of one classification, in one transaction: the row, the assignment or the task for a person. The same again
 * changes nothing, so it may come twice. False: the document has another version now, or somebody has placed it.
 */
export async function saveClassified(
  db: Knex,
  { documentId, version }: DueDocument,
  { classifierId, nodes, chunks, ...result }: ClassifiedDocument,
): Promise<boolean> {
  const { node_id: nodeId, confidence, hitl } = result;
  if (nodeId === null) return false;
  return db.transaction(async (trx) => {
    const { rows } = await trx.raw(
      `select d.id from documents d where d.id = ? and d.live_version = ? and ${unplaced} for update of d`,
      [documentId, version],
    );
    if (rows.length === 0) return false;
    await trx.raw(
      `insert into classifications as c (document_id, version, classifier_id, node_id, confidence, review, nodes, result)
       values (:documentId, :version, :classifierId, :nodeId, :confidence, :hitl, :nodes::uuid[], :result)
       on conflict (document_id) do update
         set version = excluded.version, classifier_id = excluded.classifier_id, node_id = excluded.node_id,
             confidence = excluded.confidence, review = excluded.review, nodes = excluded.nodes, result = excluded.result,
             due = false, classified_at = now()`,
      {
        ...{ documentId, version, classifierId, nodeId, confidence, hitl, nodes },
        result: JSON.stringify({ ...result, chunks }),
      },
    );
    const evidence = { signals: result.signals, chunks, taxonomy_version: result.taxonomy_version };
    await replaceClassified(trx, documentId, hitl ? [] : [{ nodeId, confidence, evidence }]);
    if (hitl) await offerReview(trx, { documentId, nodeId, confidence });
    else await withdrawReview(trx, documentId);
    return true;
  });
}

/** Documents that might be at one of the nodes are due again; what is surely elsewhere is not touched. Returns how many. */
export async function markDue(trx: Knex.Transaction, nodeIds: readonly string[]): Promise<number> {
  if (nodeIds.length === 0) return 0;
  const { rowCount } = await trx.raw(
    `update classifications set due = true where nodes && ?::uuid[] and not due`,
    [[...nodeIds]],
  );
  return rowCount ?? 0;
}

/**
 * Follows a taxonomy version that came into force: due are documents that might be at a node which it lacks, names or describes
 * otherwise, or has under another parent; for a new node those of its parent and siblings, and those too unsure for any. Returns
 * how many; undefined when it had been followed already.
 */
export async function followTaxonomy(db: Knex): Promise<number | undefined> {
  return db.transaction(async (trx) => {
    const { seen_version: before } = await trx('classify_state').forUpdate().first('seen_version');
    const { rows: force } = await trx.raw(`select ${versionInForceSql} as version`);
    const after: string = force[0].version;
    if (before === after) return undefined;
    await trx('classify_state').update({ seen_version: after });
    // The first version that there is to follow changes nothing; what the other was like is unknown.
    if (before === null) return 0;
    const { rows } = await trx.raw(
      `with b as (select * from taxonomy_nodes where version = :before), a as (select * from taxonomy_nodes where version = :after),
            added as (select a.* from a where not exists (select from b where b.id = a.id)),
            changed as (
              select coalesce(a.id, b.id) as id from b left join a on a.id = b.id
               where a.id is null or (a.path, a.description) is distinct from (b.path, b.description)
              union select id from added
              union select parent_id from added where parent_id is not null
              union select s.id from added n join a s on s.parent_id is not distinct from n.parent_id),
            marked as (
              update classifications c set due = true
               where not c.due and (c.nodes && array(select id from changed) or (c.review and exists (select from added)))
              returning 1)
       select count(*)::int as n from marked`,
      { before, after },
    );
    return rows[0].n;
  });
}

/** How many documents wait to be classified, of those that nobody has placed. */
export async function countDue(db: Db): Promise<number> {
  const { rows } = await db.raw(
    `select count(*)::int as n from documents d left join classifications c on c.document_id = d.id
      where ${unplaced} and (c.document_id is null or c.version <> d.live_version or c.due)`,
  );
  return rows[0].n;
}
