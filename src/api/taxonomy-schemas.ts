import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import { findVersionOf } from '../db/taxonomy.ts';
import type { Editor } from '../db/taxonomy-history.ts';
import { AppError } from '../errors.ts';
import { longestLabel } from '../taxonomy/validate.ts';
import type { ApiContext } from './app.ts';
import type { Caller } from './route.ts';
import { storable } from './schemas.ts';

export const taxonomyPrefix = '/api/v1/taxonomy';

export const label = storable(z.string().trim().min(1).max(longestLabel).normalize('NFC'));
export const description = storable(z.string().trim().max(5000));
export const reason = storable(z.string().trim().min(1).max(500)).describe('Why, for the history');
export const path = z.array(z.string());
export const versionParam = z.strictObject({ v: storable(z.string().max(50)) });

/** The version, unless there is none. Restricted keys see the one in force alone: others tell what was elsewhere. */
export async function knownVersion({ db }: ApiContext, version: string, { access }: Caller) {
  const row = await findVersionOf(db, version);
  if (!row || (access && !row.in_force))
    throw new AppError('not_found', 'There is no such taxonomy version.');
  return row;
}

/** For what is of the whole taxonomy: keys that see a part of it have no such resource. */
export function refuseRestricted({ access }: Caller): void {
  if (access) throw new AppError('not_found', 'There is no such resource for a restricted key.');
}

/** First what an editor has seen, by the number of the last change; then what the reply says besides, such as counts. */
export function etagOf(change: number, body: unknown): string {
  return `"${change}-${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 16)}"`;
}

/**
 * The change that the caller has seen, from If-Match; undefined: it does not say, or `*`.
 *
 * @throws AppError `precondition_failed` for what is no ETag of the taxonomy
 */
export function seenChange(raw: Request): number | undefined {
  const given = raw.get('if-match');
  if (given === undefined || given.trim() === '*') return undefined;
  const [, change] = /^"(\d{1,15})-[\w-]+"$/.exec(given.trim()) ?? [];
  if (change !== undefined) return Number(change);
  throw new AppError(
    'precondition_failed',
    'If-Match must be the ETag of a taxonomy tree or of an edit, or "*".',
  );
}

export function editorOf(caller: Caller, why: string | undefined): Editor {
  return { id: caller.id, name: caller.name, reason: why ?? null };
}
