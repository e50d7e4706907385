import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { Knex } from 'knex';
import { beginIdempotent, finishIdempotent, releaseIdempotent, touchIdempotent } from '../db/idempotency.ts';
import { AppError } from '../errors.ts';
import { checkKey, inProgress, mismatch } from './idempotency.ts';
import { decoded, readLines } from './read-lines.ts';
import { mostLineBytes } from './received-line.ts';
import type { Caller, Reply } from './route.ts';

interface Streamed {
  /** Creates under this id, or goes on with what an earlier try created; resolves with the digest of the body. */
  receive: (workId: string, stillHere: () => Promise<void>) => Promise<string>;
  reply: (workId: string) => Promise<Reply>;
}

/**
 * Idempotency-Key for a body that is known only once it has been read. The key is reserved for route and query, the digest of
 * the body is kept with the reply, and a request with the same key is read to its end before it gets that reply again or
 * `idempotency_mismatch`. A try that failed keeps the id of its work: the next one goes on after what was taken in.
 */
export async function withStreamedIdempotency(
  db: Knex,
  caller: Caller,
  raw: Request,
  key: string,
  { receive, reply }: Streamed,
): Promise<Reply> {
  checkKey(key);
  const request = createHash('sha256')
    .update(JSON.stringify([raw.method, raw.originalUrl]))
    .digest('hex');
  const earlier = await beginIdempotent(db, caller.id, key, request);
  if (!earlier) throw inProgress();
  if (!('workId' in earlier)) {
    const [sameRequest, digest] = earlier.request_hash.split(':');
    if (sameRequest !== request) throw mismatch();
    if (!earlier.response) throw inProgress();
    if ((await digestOf(raw)) !== digest) throw mismatch();
    const { status, body, headers } = earlier.response as unknown as Reply;
    return { status, body, headers: { ...headers, 'Idempotency-Replayed': 'true' } };
  }
  try {
    const digest = await receive(earlier.workId, () => touchIdempotent(db, caller.id, key));
    const { status, body, headers = {} } = await reply(earlier.workId);
    await finishIdempotent(db, caller.id, key, { status, body, headers }, `${request}:${digest}`);
    return { status, body, headers };
  } catch (error) {
    await releaseIdempotent(db, caller.id, key);
    throw error;
  }
}

async function digestOf(raw: Request): Promise<string | undefined> {
  let digest: string | undefined;
  try {
    for await (const line of readLines(decoded(raw), mostLineBytes)) digest = line.digest;
  } catch (cause) {
    throw new AppError('upload_cut_off', 'The connection broke off.', { cause });
  }
  return digest;
}
