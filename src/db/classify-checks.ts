import type { ModelCheck } from '../classify/cross-check.ts';
import type { Db } from './connect.ts';

/** What a model said of a document before, and whose document it is; undefined: it has no live version. */
export async function findCheck(
  db: Db,
  documentId: string,
): Promise<{ check: ModelCheck | null; apiKeyId: string } | undefined> {
  const { rows } = await db.raw(
    `select c.result->'check' as "check", v.api_key_id as "apiKeyId" from documents d
       join document_versions v on v.document_id = d.id and v.version = d.live_version
       left join classifications c on c.document_id = d.id
      where d.id = ?`,
    [documentId],
  );
  return rows[0];
}

/** How often reviewers decided as the model had, of its newest choices that one of them saw. */
export async function readModelRecord(db: Db, model: string): Promise<{ right: number; judged: number }> {
  const { rows } = await db.raw(
    `select count(*)::int as judged, count(*) filter (where decided = chosen)::int as "right" from (
       select t.decided_node_id as decided, (c.result->'check'->>'node_id')::uuid as chosen
         from review_tasks t join classifications c on c.document_id = t.document_id
        where t.status in ('approved', 'corrected') and t.decided_at is not null and c.result->'check'->>'model' = ?
          and c.result->'check'->>'node_id' is not null
        order by t.decided_at desc limit 500) as seen`,
    [model],
  );
  return rows[0];
}

/** Calls that belong to no answer are kept as long as anybody asks what a month has cost; what was spent stands elsewhere. */
export async function sweepClassifyCalls(db: Db): Promise<number> {
  const { rowCount } = await db.raw(
    `delete from model_calls where answer_id is null and created_at < now() - interval '30 days'`,
  );
  return rowCount ?? 0;
}
