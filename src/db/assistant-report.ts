import type { Assistant } from '../assistants.ts';
import type { Db } from './connect.ts';
import { standsUnder } from './taxonomy-places.ts';

export interface AssistantReport {
  questions: {
    asked: number;
    answered: number;
    abstained: number;
    failed: number;
    underway: number;
    mean_confidence: number | null;
  };
  coverage: {
    documents: number;
    chunks: number;
    /** Documents that some answer of the time cites. */
    cited: number;
    /** One a path of the scope; a document under two of them counts for both. */
    paths: { path: string[]; documents: number; cited: number }[];
  };
  /** Questions that it abstained on, the most asked first. */
  gaps: { question: string; asked: number; last_asked_at: Date; answer_id: string }[];
}

const mostGaps = 50;

/** What was asked of an assistant in the last `days`, and what it had to answer from. Deleted answers are not counted. */
export async function reportAssistant(
  db: Db,
  { id, canonical_in }: Assistant,
  days: number,
): Promise<AssistantReport> {
  const asked = `answers where request->'assistant'->>'id' = :id and request->'replay' is null and deleted_at is null
    and created_at > now() - :days * interval '1 day'`;
  const given = { id, days };
  const questions = await db.raw(
    `select count(*)::int as asked,
            count(*) filter (where status = 'completed' and not (result->>'abstained')::boolean)::int as answered,
            count(*) filter (where status = 'completed' and (result->>'abstained')::boolean)::int as abstained,
            count(*) filter (where status in ('failed', 'expired'))::int as failed,
            count(*) filter (where status in ('queued', 'in_progress'))::int as underway,
            avg((result->>'confidence')::float8) filter (where status = 'completed') as mean_confidence
       from (select * from ${asked}) as a`,
    given,
  );
  const gaps = await db.raw(
    `select (array_agg(question order by created_at desc))[1] as question, count(*)::int as asked,
            max(created_at) as last_asked_at, (array_agg(id order by created_at desc))[1] as answer_id
       from (select * from ${asked} and status = 'completed' and (result->>'abstained')::boolean) as a
      group by lower(regexp_replace(trim(question), '\\s+', ' ', 'g'))
      order by asked desc, last_asked_at desc limit ${mostGaps}`,
    given,
  );
  return {
    questions: questions.rows[0],
    coverage: await readCoverage(db, asked, given, canonical_in),
    gaps: gaps.rows,
  };
}

/** A document counts where search would find it: at a path or below, by former names as well. */
async function readCoverage(
  db: Db,
  asked: string,
  given: Record<string, unknown>,
  paths: readonly string[][],
): Promise<AssistantReport['coverage']> {
  const count = async (within: readonly string[][]) => {
    const bindings: Record<string, unknown> = { ...given };
    const inScope = within.length === 0 ? 'true' : standsUnder(within, bindings);
    const { rows } = await db.raw(
      `with cited as materialized (
         select distinct (s->>'document_id')::uuid as id from (select * from ${asked} and status = 'completed') as a
          cross join lateral jsonb_array_elements(a.result->'sources') as s),
       seen as materialized (
         select d.id, exists (select from cited c where c.id = d.id) as cited from documents d
          where d.deleted_at is null and d.live_version is not null and ${inScope})
       select count(*)::int as documents, count(*) filter (where cited)::int as cited,
              (select count(*)::int from chunks k where k.live and k.document_id in (select id from seen)) as chunks
         from seen`,
      bindings,
    );
    return rows[0] as { documents: number; cited: number; chunks: number };
  };
  const each: AssistantReport['coverage']['paths'] = [];
  for (const path of paths) {
    const { documents, cited } = await count([path]);
    each.push({ path, documents, cited });
  }
  return { ...(await count(paths)), paths: each };
}
