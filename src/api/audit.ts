import type { Request } from 'express';
import type { Knex } from 'knex';
import { insertAudit } from '../db/audit.ts';
import type { Db } from '../db/connect.ts';
import { asAppError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { AnyRoute, Caller, Reply } from './route.ts';

/** What a handler knows of the change that it makes. Never a secret: entries are read by every admin. */
export interface Change {
  /** Path of what was changed; that of the request when left out. */
  target?: string;
  before?: unknown;
  after?: unknown;
}

/** The entry that the request will leave in the audit log. On routes that are not audited it goes nowhere. */
export interface Audit {
  /** Adds to the entry, which is written before the reply. */
  note(change: Change): void;
  /** Writes it in the transaction that makes the change. */
  write(transaction: Db, change: Change): Promise<void>;
  /** Nothing was changed: there is nothing to tell. */
  drop(): void;
}

/** Every change that takes an admin, unless the route says otherwise. */
export function isAudited({ scope, method, audited }: AnyRoute): boolean {
  return audited ?? (scope === 'admin' && method !== 'get');
}

interface AuditContext {
  db: Knex;
  log: Log;
  spec: AnyRoute;
  raw: Request;
  caller: Caller;
  params: unknown;
}

/**
 * Runs the handler of an audited route. Who, what and when come from here; before and after from the handler where it knows.
 * A refusal has changed nothing and leaves no entry; any other failure may have, and leaves one with its code.
 */
export async function withAudit(
  context: AuditContext,
  handle: (audit: Audit) => Promise<Reply>,
): Promise<Reply> {
  const { db, log, spec, raw, caller, params } = context;
  let noted: Change | undefined = { target: pathOf(spec, params) };
  let written = false;
  const write = (within: Db, error: string | null) =>
    insertAudit(within, {
      actorId: caller.id,
      actorName: caller.name,
      actorIp: raw.ip ?? null,
      method: raw.method,
      route: spec.paths[0],
      target: noted?.target ?? pathOf(spec, params),
      before: noted?.before,
      after: noted?.after,
      error,
      requestId: String(raw.id),
    });
  const note = (change: Change) => {
    noted = { ...noted, ...change };
  };
  const drop = () => {
    noted = undefined;
  };
  try {
    const reply = await handle({
      note,
      drop,
      write: async (transaction, change) => {
        note(change);
        await write(transaction, null);
        written = true;
      },
    });
    if (!written && noted) await write(db, null);
    return reply;
  } catch (thrown) {
    const error = asAppError(thrown);
    if (error.status >= 500)
      await write(db, error.code).catch((err) =>
        log.error({ err, requestId: raw.id }, 'no audit entry could be written'),
      );
    throw thrown;
  }
}

/** For routes that are not audited. */
export const noAudit: Audit = {
  note: () => undefined,
  write: async () => undefined,
  drop: () => undefined,
};

function pathOf({ paths }: AnyRoute, params: unknown): string {
  return paths[0].replace(/\{(\w+)\}/g, (_, name) => String((params as Record<string, unknown>)[name]));
}
