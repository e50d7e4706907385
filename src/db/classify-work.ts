import type { Knex } from 'knex';
import type { ClassifiedDocument } from '../classify/classification.ts';
import type { ModelCheck } from '../classify/cross-check.ts';
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

/** Marked documents, oldest first of those that wait for the first time; from indexes alone, so none costs nothing. */
const marked = `
  (select document_id, since from classify_waiting
    where since <= clock_timestamp() - make_interval(secs => :settled) order by since, document_id limit :limit)
  union all (select document_id, null from classifications where due order by document_id limit :limit)`;

/**
 * Documents that were never classified as they are now, or are due again. Marks of those that somebody has placed or deleted
 * meanwhile are taken away on the way. Those that wait for less than `settled` seconds are left to their own jobs.
 */
export async function findDue(db: Db, limit: number, settled: number): Promise<DueDocument[]> {
  for (;;) {
    const { rows } = await db.raw(
      `select m.document_id as "documentId", min(d.live_version) as version, max(m.since)::text as since
         from (${marked}) as m left join documents d on d.id = m.document_id and ${unplaced}
        group by m.document_id order by min(d.created_at), m.document_id limit :limit`,
      { limit, settled },
    );
    const isDue = ({ version }: DueDocument) => version !== null;
    const others = rows.filter((row: DueDocument) => !isDue(row));
    if (others.length > 0) await takeMarks(db, others);
    if (others.length < rows.length || rows.length === 0)
      return rows.filter(isDue).map(({ documentId, version }: DueDocument) => ({ documentId, version }));
  }
}

/** A mark that was made anew since it was read stays: it may be of somebody who has just taken the document's place away. */
async function takeMarks(
  db: Db,
  marks: readonly { documentId: string; since: string | null }[],
): Promise<void> {
  const ids = marks.map(({ documentId }) => documentId);
  await db.raw(
    `with gone as (
       delete from classify_waiting w using unnest(:ids::uuid[], :times::timestamptz[]) as m(id, since)
        where w.document_id = m.id and w.since = m.since)
     update classifications set due = false where document_id = any(:ids::uuid[]) and due`,
    { ids, times: marks.map(({ since }) => since) },
  );
}

/** The document, unless somebody has placed it or it is classified as it is. */
export async function findDueDocument(db: Db, documentId: string): Promise<DueDocument | undefined> {
  const { rows } = await db.raw(
    `select d.id as "documentId", d.live_version as version from documents d
       left join classifications c on c.document_id = d.id
      where d.id = :documentId and ${unplaced}
        and (c.due or exists (select from classify_waiting w where w.document_id = d.id))`,
    { documentId },
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
  { lesson, nodes, chunks, text: _text, ...result }: ClassifiedDocument & { check?: ModelCheck },
): Promise<boolean> {
  const { node_id: nodeId, confidence, hitl } = result;
  if (nodeId === null) return false;
  return db.transaction(async (trx) => {
    const { rows } = await trx.raw(
      `select d.id from documents d where d.id = ? and d.live_version = ? and ${unplaced} for update of d`,
      [documentId, version],
    );
    if (rows.length === 0) return false;
    const evidence = { signals: result.signals, chunks, taxonomy_version: result.taxonomy_version };
    await replaceClassified(trx, documentId, hitl ? [] : [{ nodeId, confidence, evidence }]);
    if (hitl) await offerReview(trx, { documentId, nodeId, confidence });
    else await withdrawReview(trx, documentId);
    await trx.raw(
      `insert into classifications as c (document_id, version, classifier_id, node_id, confidence, review, nodes, result, due)
       values (:documentId, :version, :classifierId, :nodeId, :confidence, :hitl, :nodes::uuid[], :result, :due)
       on conflict (document_id) do update
         set version = excluded.version, classifier_id = excluded.classifier_id, node_id = excluded.node_id,
             confidence = excluded.confidence, review = excluded.review, nodes = excluded.nodes, result = excluded.result,
             due = excluded.due, classified_at = now()`,
      {
        ...{ documentId, version, classifierId: lesson.classifierId, nodeId, confidence, hitl, nodes },
        due: await isOld(trx, lesson),
        result: JSON.stringify({ ...result, chunks }),
      },
    );
    await trx('classify_waiting').where({ document_id: documentId }).delete();
    return true;
  });
}

/**
 * Whether what was learned from has changed since: then the change may have marked the document while it was being classified, and
 * it has to be classified again. Holds the state shared, so that nothing can change, and mark, before the caller has written.
 */
async function isOld(
  trx: Knex.Transaction,
  { revision, taxonomyVersion }: ClassifiedDocument['lesson'],
): Promise<boolean> {
  const { rows } = await trx.raw(
    `select s.revision::text <> :revision or ${versionInForceSql} <> :taxonomyVersion as old from classify_state s for share of s`,
    { revision, taxonomyVersion },
  );
  return rows[0].old;
}

/**
 * What the machine has said of documents that are due again is taken back, and they wait as if they had never been classified:
 * where the taxonomy says too little by now to say it anew. Returns how many.
 */
export async function takeBackDue(db: Knex, limit: number): Promise<number> {
  return db.transaction(async (trx) => {
    const { rows } = await trx.raw(
      `select d.id from documents d join classifications c on c.document_id = d.id and c.due
        where ${unplaced} order by d.id limit ? for update of d`,
      [limit],
    );
    const ids = rows.map(({ id }: { id: string }) => id);
    for (const id of ids) {
      await replaceClassified(trx, id, []);
      await withdrawReview(trx, id);
    }
    await trx('classifications').whereIn('document_id', ids).delete();
    await trx.raw(
      `insert into classify_waiting (document_id) select unnest(?::uuid[]) on conflict (document_id) do nothing`,
      [ids],
    );
    return ids.length;
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
    `select count(*)::int as n from documents d
      where ${unplaced} and d.id in (select document_id from classify_waiting
                                     union select document_id from classifications where due)`,
  );
  return rows[0].n;
}
