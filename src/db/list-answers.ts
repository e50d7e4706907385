import { hideDeletedInAll } from './answer-sources.ts';
import type { AnswerRow, AnswerStatus } from './answers.ts';
import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export interface AnswerQuery {
  /** Whose answers. */
  apiKeyId: string;
  status?: AnswerStatus | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** A key's answers, newest first, as they may be shown now. */
export async function listAnswers(db: Db, query: AnswerQuery): Promise<Page<AnswerRow>> {
  const after = readCursor(query.cursor);
  const { rows } = await db.raw(
    `select *, ${positionColumn('created_at')} from answers
      where api_key_id = :key and deleted_at is null and expires_at > now()
        and (:status::text is null or status = :status)
        and (:at::timestamptz is null or (created_at, id) < (:at::timestamptz, :id::uuid))
      order by created_at desc, id desc limit :limit`,
    {
      key: query.apiKeyId,
      status: query.status ?? null,
      at: after?.at ?? null,
      id: after?.id ?? null,
      limit: query.limit + 1,
    },
  );
  const page = toPage<AnswerRow>(rows, query.limit);
  const results = await hideDeletedInAll(
    db,
    page.items.map(({ result }) => result),
  );
  return {
    ...page,
    items: page.items.map((row, n) => ({ ...(row as AnswerRow), result: results[n] ?? null })),
  };
}
