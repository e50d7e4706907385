import type { Db } from './connect.ts';
import { type Page, positionColumn, readCursor, toPage } from './page.ts';

export interface AuditEntry {
  actorId: string;
  actorName: string;
  actorIp: string | null;
  method: string;
  route: string;
  target: string;
  before: unknown;
  after: unknown;
  error: string | null;
  requestId: string;
}

export interface AuditRow {
  id: string;
  at: Date;
  actor_id: string;
  actor_name: string;
  actor_ip: string | null;
  method: string;
  route: string;
  target: string;
  before: unknown;
  after: unknown;
  error: string | null;
  request_id: string;
}

const columns = [
  'id',
  'at',
  'actor_id',
  'actor_name',
  'actor_ip',
  'method',
  'route',
  'target',
  'before',
  'after',
  'error',
  'request_id',
];

export async function insertAudit(db: Db, entry: AuditEntry): Promise<void> {
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  await db('audit_log').insert({
    actor_id: entry.actorId,
    actor_name: entry.actorName,
    actor_ip: entry.actorIp,
    method: entry.method,
    route: entry.route,
    target: entry.target,
    before: json(entry.before),
    after: json(entry.after),
    error: entry.error,
    request_id: entry.requestId,
  });
}

export interface AuditQuery {
  /** This path and all below it. */
  target?: string | undefined;
  /** Id or name of a key. */
  actor?: string | undefined;
  since?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** Newest first. */
export async function listAudit(db: Db, query: AuditQuery): Promise<Page<AuditRow>> {
  const after = readCursor(query.cursor);
  const rows = db('audit_log')
    .orderBy([
      { column: 'at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(query.limit + 1)
    .select([...columns, db.raw(positionColumn('at'))]);
  const { target, actor, since } = query;
  if (target !== undefined)
    rows.where((either) => either.where({ target }).orWhere('target', 'like', `${escapeLike(target)}/%`));
  if (actor !== undefined) rows.whereRaw('? in (actor_id::text, actor_name)', [actor]);
  if (since !== undefined) rows.whereRaw('at >= ?::timestamptz', [since]);
  if (after) rows.whereRaw('(at, id) < (?::timestamptz, ?::uuid)', [after.at, after.id]);
  return toPage<AuditRow>(await rows, query.limit);
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

export async function sweepAudit(db: Db, days: number): Promise<number> {
  return db('audit_log')
    .where('at', '<', db.raw(`now() - ? * interval '1 day'`, [days]))
    .delete();
}
