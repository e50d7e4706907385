import { AppError } from '../errors.ts';

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

interface Position {
  at: string;
  id: string;
}

/** Cursors are opaque to callers: the position of the last row seen, so that pages hold while rows come and go. */
export function readCursor(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const [at, id] = Buffer.from(cursor, 'base64url').toString('utf8').split('|');
  if (at && id && !Number.isNaN(Date.parse(at)) && /^[0-9a-f-]{36}$/.test(id)) return { at, id };
  throw new AppError('validation_failed', 'The cursor is not one that this service gave out.', {
    errors: [{ pointer: '/query/cursor', message: 'pass next_cursor of the previous page, unchanged' }],
  });
}

/** Rows were read with limit + 1: one more than asked says that there is a next page. */
export function toPage<T extends { id: string; created_at: Date }>(rows: T[], limit: number): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last;
  return {
    items,
    next_cursor: more ? writeCursor({ at: more.created_at.toISOString(), id: more.id }) : null,
  };
}

function writeCursor({ at, id }: Position): string {
  return Buffer.from(`${at}|${id}`).toString('base64url');
}
