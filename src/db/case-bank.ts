import type { ConfirmedBy } from '../cases.ts';
import { type ArchiveReason, archiveCases } from './cases.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export const caseStatuses = ['active', 'archived'] as const;

export interface CaseRow {
  id: string;
  answer_id: string;
  api_key_id: string | null;
  question: string;
  answer: string;
  language: string;
  confidence: number;
  confirmed_by: ConfirmedBy;
  status: (typeof caseStatuses)[number];
  archived_because: ArchiveReason | null;
  archived_at: Date | null;
  merged_into: string | null;
  /** Whether it can be found already. */
  indexed: boolean;
  uses: number;
  /** Mean rating of the answers that it helped with, 0…1; null: none was rated. */
  rating: number | null;
  sources: { n: number; document_id: string; quote: string }[];
  last_used_at: Date;
  created_at: Date;
}

const columns = `c.id, c.answer_id, c.api_key_id, c.question, c.answer, c.language, c.confidence, c.confirmed_by, c.status,
  c.archived_because, c.archived_at, c.merged_into, c.words is not null as indexed, u.uses, u.rating, s.sources,
  c.last_used_at, c.created_at`;
/** A case that cites a document which is being deleted is gone already. */
const from = `cases c
  cross join lateral (select count(*)::int as uses, avg(rating) as rating from case_uses where case_id = c.id) as u
  cross join lateral (
    select coalesce(json_agg(json_build_object('n', n, 'document_id', document_id, 'quote', quote) order by n), '[]') as sources,
           count(d.id) = count(*) as shown
      from case_sources x left join documents d on d.id = x.document_id and d.deleted_at is null where x.case_id = c.id) as s`;

export async function listCases(
  db: Db,
  query: { limit: number; cursor?: string | undefined; status?: string | undefined },
): Promise<Page<CaseRow>> {
  const after = readCursor(query.cursor);
  const { rows } = await db.raw(
    `select ${columns}, ${positionColumn('c.created_at')} from ${from}
      where s.shown and (:status::text is null or c.status = :status)
        and (:at::timestamptz is null or (c.created_at, c.id) < (:at::timestamptz, :id::uuid))
      order by c.created_at desc, c.id desc limit :limit`,
    { status: query.status ?? null, at: after?.at ?? null, id: after?.id ?? null, limit: query.limit + 1 },
  );
  return toPage<CaseRow>(rows, query.limit) as Page<CaseRow>;
}

export async function findCase(db: Db, id: string): Promise<CaseRow | undefined> {
  const { rows } = await db.raw(`select ${columns} from ${from} where s.shown and c.id = ?`, [id]);
  return rows[0];
}

export async function archiveCase(db: Db, id: string): Promise<void> {
  await archiveCases(db, 'by_hand', 'c.id = :id', { id });
}

/** Found again from now on, whatever it was archived for; its time begins anew. */
export async function restoreCase(db: Db, id: string): Promise<void> {
  await db('cases')
    .where({ id, status: 'archived' })
    .update({
      ...{ status: 'active', archived_because: null, archived_at: null, merged_into: null },
      last_used_at: db.fn.now(),
    });
  await db('case_uses').where({ case_id: id }).update({ rating: null });
}

export async function deleteCase(db: Db, id: string): Promise<void> {
  await db('cases').where({ id }).delete();
}

/** For /metrics. */
export async function countCases(db: Db): Promise<{ status: string; count: number }[]> {
  const { rows } = await db.raw(`select status, count(*)::int as count from cases group by status`);
  return rows;
}
