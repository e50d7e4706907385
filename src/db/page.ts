import { z } from 'zod';
import { AppError } from '../errors.ts';

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

interface Position {
  /** RFC 3339 with microseconds, as Postgres has it: a Date would round it and skip rows of the same millisecond. */
  at: string;
  id: string;
}

const position = z.object({ at: z.iso.datetime({ precision: 6 }), id: z.uuid() });

/** The column that `toPage` needs beside id: SQL for the position of a row. */
export const positionColumn = (createdAt: string): string =>
  `to_char(${createdAt} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position`;

/** Cursors are opaque to callers: the position of the last row seen, so that pages hold while rows come and go. */
export function readCursor(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const [at, id] = Buffer.from(cursor, 'base64url').toString('utf8').split('|');
  const given = position.safeParse({ at, id });
  if (given.success) return given.data;
  throw new AppError('validation_failed', 'The cursor is not one that this service gave out.', {
    errors: [{ pointer: '/query/cursor', message: 'pass next_cursor of the previous page, unchanged' }],
  });
}

/** Rows were read with limit + 1: one more than asked says that there is a next page. */
export function toPage<T extends { id: string }>(
  rows: (T & { position: string })[],
  limit: number,
): Page<Omit<T, 'position'>> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last;
  return {
    items: shown.map(({ position: _, ...row }) => row),
    next_cursor: more ? writeCursor({ at: more.position, id: more.id }) : null,
  };
}

function writeCursor({ at, id }: Position): string {
  return Buffer.from(`${at}|${id}`).toString('base64url');
}
