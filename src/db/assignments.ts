import type { Knex } from 'knex';
import type { Db } from './connect.ts';
import { versionInForceSql } from './taxonomy-places.ts';
import { changeCorpus } from './versions.ts';

/** Who says that a document belongs to a node: whoever sent it, the machine, or a person who looked at it. */
export const assignmentSources = ['given', 'classified', 'review'] as const;
export type AssignmentSource = (typeof assignmentSources)[number];

/** A document at a node of the version in force. */
export interface Assignment {
  document_id: string;
  node_id: string;
  path: string[];
  source: AssignmentSource;
  /** 0…1 */
  confidence: number;
  evidence: unknown;
  created_at: Date;
}

export interface NewAssignment {
  documentId: string;
  nodeId: string;
  source: Exclude<AssignmentSource, 'given'>;
  /** 0…1 */
  confidence: number;
  /** What speaks for it, as JSON. */
  evidence?: unknown;
}

/** Where the documents stand in the version in force: each node once a document, the one that it is shown under first. */
export async function listAssignments(db: Db, documentIds: readonly string[]): Promise<Assignment[]> {
  const { rows } = await db.raw(
    `select * from (
       select distinct on (p.document_id, p.node_id) p.document_id, p.node_id, p.path, p.source, p.confidence, p.rank,
              a.evidence, a.created_at
         from document_places p join document_nodes a on a.document_id = p.document_id and a.node_id = p.assigned_id
        where p.document_id = any(?::uuid[]) and p.version = ${versionInForceSql}
        order by p.document_id, p.node_id, p.rank, p.confidence desc) as each
      order by document_id, rank, confidence desc, node_id`,
    [[...documentIds]],
  );
  return rows.map(({ rank: _, ...row }: Assignment & { rank: number }) => row);
}

/**
 * Puts documents at nodes of the version in force; what the machine says overwrites nothing that a person has said. A document
 * that is deleted, or a node that is not in force, is left out. Returns how many were put or changed.
 */
export async function assign(trx: Knex.Transaction, assignments: readonly NewAssignment[]): Promise<number> {
  const changed = await insertAssignments(trx, assignments);
  if (changed > 0) await changeCorpus(trx, { chunks: 0, words: 0 });
  return changed;
}

/** Takes the document from the node, whoever put it there. False: it was not at it. */
export async function unassign(
  trx: Knex.Transaction,
  { documentId, nodeId }: { documentId: string; nodeId: string },
): Promise<boolean> {
  const gone = await removeFrom(trx, documentId, nodeId);
  if (gone > 0) await changeCorpus(trx, { chunks: 0, words: 0 });
  return gone > 0;
}

/** Takes the document from one node and puts it at another one, at once: what a correction is. */
export async function moveAssignment(
  trx: Knex.Transaction,
  from: string,
  to: NewAssignment,
): Promise<boolean> {
  const gone = from === to.nodeId ? 0 : await removeFrom(trx, to.documentId, from);
  const put = await insertAssignments(trx, [to]);
  if (gone + put > 0) await changeCorpus(trx, { chunks: 0, words: 0 });
  return put > 0;
}

/**
 * What the machine says of a document, instead of all that it said before; what people said stays. The same again changes
 * nothing, so that a job may run twice. Returns whether anything changed.
 */
export async function replaceClassified(
  trx: Knex.Transaction,
  documentId: string,
  found: readonly Omit<NewAssignment, 'documentId' | 'source'>[],
): Promise<boolean> {
  const { rows } = await trx.raw(
    `delete from document_nodes a
      where a.document_id = :documentId and a.source = 'classified' and not exists (
        select from document_places p
         where p.document_id = a.document_id and p.assigned_id = a.node_id and p.version = ${versionInForceSql}
           and p.node_id = any(:kept::uuid[]))
     returning a.node_id`,
    { documentId, kept: found.map(({ nodeId }) => nodeId) },
  );
  const put = await insertAssignments(
    trx,
    found.map((one) => ({ ...one, documentId, source: 'classified' as const })),
  );
  if (rows.length + put > 0) await changeCorpus(trx, { chunks: 0, words: 0 });
  return rows.length + put > 0;
}

/** A document that stands at the node already, perhaps by a concept that has become it, keeps that row. */
async function insertAssignments(
  trx: Knex.Transaction,
  assignments: readonly NewAssignment[],
): Promise<number> {
  if (assignments.length === 0) return 0;
  const { rows } = await trx.raw(
    `with wanted as (
       select distinct on (w.document_id, w.node_id) w.*
         from unnest(:documents::uuid[], :nodes::uuid[], :sources::text[], :confidences::real[], :evidence::jsonb[])
              as w(document_id, node_id, source, confidence, evidence)
         join documents d on d.id = w.document_id and d.deleted_at is null
         join taxonomy_nodes n on n.id = w.node_id and n.version = ${versionInForceSql}),
     put as (
       insert into document_nodes as a (document_id, node_id, source, confidence, evidence)
       select w.document_id, coalesce(p.assigned_id, w.node_id), w.source, w.confidence, w.evidence
         from wanted w left join lateral (
           select p.assigned_id from document_places p
            where p.document_id = w.document_id and p.node_id = w.node_id and p.version = ${versionInForceSql}
            order by p.rank, p.confidence desc limit 1) as p on true
       on conflict (document_id, node_id) do update
         set source = excluded.source, confidence = excluded.confidence, evidence = excluded.evidence
       where (a.source = 'classified' or (a.source = 'review' and excluded.source = 'review'))
         and (a.source, a.confidence, a.evidence) is distinct from (excluded.source, excluded.confidence, excluded.evidence)
       returning 1)
     select count(*)::int as n from put`,
    {
      documents: assignments.map(({ documentId }) => documentId),
      nodes: assignments.map(({ nodeId }) => nodeId),
      sources: assignments.map(({ source }) => source),
      confidences: assignments.map(({ confidence }) => confidence),
      evidence: assignments.map(({ evidence }) => (evidence === undefined ? null : JSON.stringify(evidence))),
    },
  );
  return rows[0].n;
}

async function removeFrom(trx: Knex.Transaction, documentId: string, nodeId: string): Promise<number> {
  const { rowCount } = await trx.raw(
    `delete from document_nodes a using document_places p
      where a.document_id = :documentId and p.document_id = a.document_id and p.assigned_id = a.node_id
        and p.version = ${versionInForceSql} and p.node_id = :nodeId`,
    { documentId, nodeId },
  );
  return rowCount ?? 0;
}
