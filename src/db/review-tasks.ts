import type { Knex } from 'knex';
import type { Access } from '../access.ts';
import { AppError } from '../errors.ts';
import { maySee } from './access-conditions.ts';
import { assign, moveAssignment } from './assignments.ts';
import { insertExample } from './classify-examples.ts';
import { markDue } from './classify-work.ts';
import type { Db } from './connect.ts';
import { versionInForceSql } from './taxonomy-places.ts';

export const reviewStatuses = ['open', 'assigned', 'approved', 'corrected', 'skipped', 'withdrawn'] as const;
export type ReviewStatus = (typeof reviewStatuses)[number];

export interface ReviewTask {
  id: string;
  document_id: string;
  title: string | null;
  status: ReviewStatus;
  /** What the machine would have chosen. */
  node_id: string;
  path: string[] | null;
  confidence: number;
  priority: number;
  result: unknown;
  assigned_to: string | null;
  decided_node_id: string | null;
  decided_path: string[] | null;
  decided_by: string | null;
  note: string | null;
  created_at: Date;
  decided_at: Date | null;
}

/**
 * Asks a person, once a document: a task that waits already is brought up to date. Priority is uncertainty (1 − confidence) times
 * reach: the length of the document and how often answers have cited it, both by their logarithm.
 */
export async function offerReview(
  trx: Knex.Transaction,
  task: { documentId: string; nodeId: string; confidence: number },
): Promise<void> {
  await trx.raw(
    `insert into review_tasks as t (document_id, node_id, confidence, priority)
     select d.id, :nodeId::uuid, :confidence::real,
            (1 - :confidence::real) * (1 + ln(1 + v.chunk_count) / 10
              + ln(1 + (select count(*) from answers a where a.result->'sources' @> jsonb_build_array(jsonb_build_object('document_id', d.id)))) / 2)
       from documents d join document_versions v on v.document_id = d.id and v.version = d.live_version where d.id = :documentId
     on conflict (document_id) where status in ('open', 'assigned') do update
       set node_id = excluded.node_id, confidence = excluded.confidence, priority = excluded.priority, updated_at = now()
     where (t.node_id, t.confidence) is distinct from (excluded.node_id, excluded.confidence)`,
    task,
  );
}

export async function withdrawReview(trx: Knex.Transaction, documentId: string): Promise<void> {
  await trx('review_tasks')
    .where('document_id', documentId)
    .whereIn('status', ['open', 'assigned'])
    .update({ status: 'withdrawn', updated_at: trx.fn.now() });
}

const columns = `t.id, t.document_id, coalesce(d.title, v.found->>'title') as title, t.status, t.node_id, n.path, t.confidence,
  t.priority, c.result, t.assigned_to, t.decided_node_id, m.path as decided_path, t.decided_by, t.note, t.created_at, t.decided_at`;
const source = `review_tasks t join documents d on d.id = t.document_id and d.deleted_at is null
  join document_versions v on v.document_id = d.id and v.version = d.version
  left join classifications c on c.document_id = d.id
  left join taxonomy_nodes n on n.id = t.node_id and n.version = ${versionInForceSql}
  left join taxonomy_nodes m on m.id = t.decided_node_id and m.version = ${versionInForceSql}`;

export interface TaskQuery {
  limit: number;
  offset: number;
  statuses: readonly ReviewStatus[];
  nodeId?: string | undefined;
  assignedTo?: string | undefined;
}

/** Most urgent first, of documents that the key may see. One more than `limit` where there are more. */
export async function listTasks(db: Db, query: TaskQuery, access: Access | undefined): Promise<ReviewTask[]> {
  const { document, version, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select ${columns} from ${source}
      where ${document} and ${version} and t.status = any(:statuses::text[])
        and ${query.nodeId ? 't.node_id = :nodeId::uuid' : 'true'}
        and ${query.assignedTo ? 't.assigned_to = :assignedTo' : 'true'}
      order by t.priority desc, t.id limit :limit offset :offset`,
    {
      ...bindings,
      statuses: [...query.statuses],
      nodeId: query.nodeId ?? null,
      assignedTo: query.assignedTo ?? null,
      limit: query.limit + 1,
      offset: query.offset,
    },
  );
  return rows;
}

export async function findTask(
  db: Db,
  id: string,
  access: Access | undefined,
): Promise<ReviewTask | undefined> {
  const { document, version, bindings } = maySee(access);
  const { rows } = await db.raw(
    `select ${columns} from ${source} where ${document} and ${version} and t.id = :id`,
    { ...bindings, id },
  );
  return rows[0];
}

export interface Review {
  verdict: 'approve' | 'correct' | 'skip';
  /** Where it belongs; of an approval what the machine had chosen. */
  nodeId?: string | undefined;
  by: string;
  note: string | null;
}

/**
 * What a person decided: the document stands at the node by their word, is an example from now on, and documents that might be at
 * either node are looked at again. A skipped task leaves everything as it was.
 *
 * @throws AppError `conflict` when the task is decided already
 */
export async function decideTask(trx: Knex.Transaction, task: ReviewTask, review: Review): Promise<void> {
  const nodeId = review.verdict === 'correct' ? (review.nodeId ?? task.node_id) : task.node_id;
  // First, as who saves a classification does: else each could wait for the other.
  await trx.raw('select from documents where id = ? for update', [task.document_id]);
  const status = { approve: 'approved', correct: 'corrected', skip: 'skipped' }[review.verdict];
  const decided = await trx('review_tasks')
    .where({ id: task.id })
    .whereIn('status', ['open', 'assigned'])
    .update({
      status,
      decided_node_id: review.verdict === 'skip' ? null : nodeId,
      decided_by: review.by,
      note: review.note,
      decided_at: trx.fn.now(),
      updated_at: trx.fn.now(),
    });
  if (decided === 0)
    throw new AppError('conflict', `Task ${task.id} is ${task.status} already: nothing was changed.`);
  if (review.verdict === 'skip') return;
  const placed = { documentId: task.document_id, nodeId, source: 'review' as const, confidence: 1 };
  if (nodeId === task.node_id) await assign(trx, [placed]);
  else await moveAssignment(trx, task.node_id, placed);
  await insertExample(trx, {
    nodeId,
    by: review.by,
    source: 'review',
    content: { documentId: task.document_id },
  });
  await markDue(trx, [...new Set([nodeId, task.node_id])]);
}

export async function assignTask(trx: Db, id: string, to: string | null): Promise<boolean> {
  const changed = await trx('review_tasks')
    .where({ id })
    .whereIn('status', ['open', 'assigned'])
    .update({ assigned_to: to, status: to === null ? 'open' : 'assigned', updated_at: trx.fn.now() });
  return changed > 0;
}

/** How reviewers and machine got on, by the node that the machine had chosen. */
export interface Agreement {
  node_id: string;
  path: string[];
  approved: number;
  corrected: number;
  waiting: number;
  /** approved / (approved + corrected); null without either. */
  agreement: number | null;
  /** The same of the last 30 days less that of the time before: below 0 the node is drifting. null where either is missing. */
  drift: number | null;
}

export async function measureAgreement(db: Db): Promise<Agreement[]> {
  const { rows } = await db.raw(
    `select n.id as node_id, n.path,
            count(*) filter (where t.status = 'approved')::int as approved,
            count(*) filter (where t.status = 'corrected')::int as corrected,
            count(*) filter (where t.status in ('open', 'assigned'))::int as waiting,
            avg((t.status = 'approved')::int) filter (where t.status in ('approved', 'corrected'))::real as agreement,
            (avg((t.status = 'approved')::int) filter (where t.status in ('approved', 'corrected') and t.decided_at > now() - interval '30 days')
             - avg((t.status = 'approved')::int) filter (where t.status in ('approved', 'corrected') and t.decided_at <= now() - interval '30 days'))::real as drift
       from review_tasks t join taxonomy_nodes n on n.id = t.node_id and n.version = ${versionInForceSql}
      group by n.id, n.path order by n.path`,
  );
  return rows;
}
