import { createHmac } from 'node:crypto';
import type { Request } from 'express';
import type { Knex } from 'knex';
import { z } from 'zod';
import { hideUnseen, isSeen } from '../db/answer-sources.ts';
import { beginIdempotent, finishIdempotent, forgetIdempotent, releaseIdempotent } from '../db/idempotency.ts';
import { AppError } from '../errors.ts';
import { noDocument } from './document-resource.ts';
import type { Caller, Reply } from './route.ts';
import type { Upload } from './upload.ts';

/**
 * The same key and body again gets the first reply again. What is created bears the id that was chosen with the key, so a
 * try whose reply, or whose reply's record, was lost after its commit finds its row and creates no second one. Server
 * errors and 429 are not kept, so that trying again can succeed.
 */
export async function withIdempotency(
  db: Knex,
  caller: Caller,
  key: string,
  hash: string,
  handle: (workId: string) => Promise<Reply>,
): Promise<Reply> {
  checkKey(key);
  const earlier = await beginIdempotent(db, caller.id, key, hash);
  if (!earlier) throw inProgress();
  if (!('workId' in earlier)) {
    if (earlier.request_hash !== hash) throw mismatch();
    if (!earlier.response) throw inProgress();
    const { status, body, headers } = await stillSeen(db, caller, earlier.response as unknown as Reply);
    return { status, body, headers: { ...headers, 'Idempotency-Replayed': 'true' } };
  }
  try {
    const reply = await handle(earlier.workId);
    await finishIdempotent(db, caller.id, key, {
      status: reply.status,
      body: reply.body,
      headers: reply.headers ?? {},
    });
    return reply;
  } catch (error) {
    const refused = error instanceof AppError && error.status < 500;
    await (refused ? forgetIdempotent : releaseIdempotent)(db, caller.id, key);
    throw error;
  }
}

const kept = z.looseObject({ id: z.uuid(), links: z.looseObject({ self: z.string() }) });

/** A kept reply as a restricted key may see it now: what left its access since is not shown again. */
async function stillSeen(db: Knex, { access }: Caller, reply: Reply): Promise<Reply> {
  const { data: body } = kept.safeParse(reply.body);
  if (!access || !body) return reply;
  if (body.links.self.startsWith('/api/v1/documents/') && !(await isSeen(db, body.id, access)))
    throw noDocument();
  return { ...reply, body: await hideUnseen(db, body, access) };
}

export function checkKey(key: string): void {
  if (key.length <= 255) return;
  throw new AppError('validation_failed', 'Idempotency-Key may have at most 255 characters.', {
    errors: [{ pointer: '/headers/idempotency-key', message: 'at most 255 characters' }],
  });
}

export function mismatch(): AppError {
  return new AppError(
    'idempotency_mismatch',
    'This Idempotency-Key was used with another request: use a new one.',
  );
}

export function inProgress(): AppError {
  return new AppError(
    'idempotency_in_progress',
    'The first request with this Idempotency-Key has not ended yet.',
    { retryAfter: 1 },
  );
}

/**
 * What must be the same for a request to be the same again: route and content, not the form's random boundary. Keyed, so
 * that nobody who reads the row can try out which question or number it was.
 */
export function requestHash(raw: Request, upload: Upload | undefined, secretKey: string): string {
  const files = upload?.files.map(({ name, type, staged }) => [name, type, staged.hash.copy().digest('hex')]);
  const content = upload ? [upload.fields, files] : raw.body;
  return createHmac('sha256', secretKey)
    .update(JSON.stringify([raw.method, raw.path.replace(/\/$/, ''), content]))
    .digest('hex');
}
