import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { Knex } from 'knex';
import { beginIdempotent, finishIdempotent, forgetIdempotent } from '../db/idempotency.ts';
import { AppError } from '../errors.ts';
import type { Caller, Reply } from './route.ts';
import type { Upload } from './upload.ts';

/**
 * The same key and body again gets the first reply again. What is being created has a row of its own; this only remembers
 * which reply belonged to the key. Server errors and 429 are not kept, so that trying again can succeed.
 */
export async function withIdempotency(
  db: Knex,
  caller: Caller,
  key: string,
  hash: string,
  handle: () => Promise<Reply>,
): Promise<Reply> {
  if (key.length > 255) {
    throw new AppError('validation_failed', 'Idempotency-Key may have at most 255 characters.', {
      errors: [{ pointer: '/headers/idempotency-key', message: 'at most 255 characters' }],
    });
  }
  const earlier = await beginIdempotent(db, caller.id, key, hash);
  if (earlier) {
    if (earlier.request_hash !== hash)
      throw new AppError(
        'idempotency_mismatch',
        'This Idempotency-Key was used with another request: use a new one.',
      );
    if (!earlier.response)
      throw new AppError(
        'idempotency_in_progress',
        'The first request with this Idempotency-Key has not ended yet.',
        { retryAfter: 1 },
      );
    const { status, body, headers } = earlier.response as unknown as Reply;
    return { status, body, headers: { ...headers, 'Idempotency-Replayed': 'true' } };
  }
  try {
    const reply = await handle();
    await finishIdempotent(db, caller.id, key, {
      status: reply.status,
      body: reply.body,
      headers: reply.headers ?? {},
    });
    return reply;
  } catch (error) {
    await forgetIdempotent(db, caller.id, key);
    throw error;
  }
}

/** What must be the same for a request to be the same again: route and content, not the form's random boundary. */
export function requestHash(raw: Request, upload: Upload | undefined): string {
  const files = upload?.files.map(({ name, type, bytes }) => [name, type, sha256(bytes)]);
  const content = upload ? [upload.fields, files] : raw.body;
  return sha256(JSON.stringify([raw.method, raw.path.replace(/\/$/, ''), content]));
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
