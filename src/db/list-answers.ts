import type { Principal } from '../access.ts';
import { ownedBy } from './access-conditions.ts';
import { hideUnseenInAll } from './answer-sources.ts';
import type { AnswerRow, AnswerStatus } from './answers.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export interface AnswerQuery {
  status?: AnswerStatus | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** A key's answers, newest first, as they may be shown now; an admin's are everybody's. */
export async function listAnswers(db: Db, reader: Principal, query: AnswerQuery): Promise<Page<AnswerRow>> {
  const after = readCursor(query.cursor);
  const own = ownedBy(reader, 'api_key_id');
  const { rows } = await db.raw(
    `select *, ${positionColumn('created_at')} from answers
      where ${own.sql} and deleted_at is null and expires_at > now()
        and (:status::text is null or status = :status)
        and (:at::timestamptz is null or (created_at, id) < (:at::timestamptz, :id::uuid))
      order by created_at desc, id desc limit :limit`,
    {
      ...own.bindings,
      status: query.status ?? null,
      at: after?.at ?? null,
      id: after?.id ?? null,
      limit: query.limit + 1,
    },
  );
  const page = toPage<AnswerRow>(rows, query.limit);
  const results = await hideUnseenInAll(
    db,
    page.items.map(({ result }) => result),
    reader.access,
  );
  return {
    ...page,
    items: page.items.map((row, n) => ({ ...(row as AnswerRow), result: results[n] ?? null })),
  };
}
