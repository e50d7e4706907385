import type { Db } from './connect.ts';

export interface IdempotentRequest {
  request_hash: string;
  response: Record<string, unknown> | null;
}

/**
 * Reserves the key for this request: `workId` means go ahead, and is the id of what the request creates, the same at every
 * try. A reservation whose process died is taken over after a minute, one that was released at once.
 */
export async function beginIdempotent(
  db: Db,
  apiKeyId: string,
  key: string,
  requestHash: string,
): Promise<{ workId: string } | IdempotentRequest | undefined> {
  const { rows } = await db.raw(
    `insert into idempotency_keys (api_key_id, key, request_hash) values (?, ?, ?)
     on conflict (api_key_id, key) do update set request_hash = excluded.request_hash, response = null, created_at = now(),
       work_id = case when idempotency_keys.created_at < now() - interval '24 hours' then gen_random_uuid() else idempotency_keys.work_id end
       where idempotency_keys.created_at < now() - interval '24 hours'
          or (idempotency_keys.response is null and idempotency_keys.created_at < now() - interval '1 minute'
              and idempotency_keys.request_hash = excluded.request_hash)
     returning work_id as "workId"`,
    [apiKeyId, key, requestHash],
  );
  if (rows[0]) return rows[0];
  return db('idempotency_keys').where({ api_key_id: apiKeyId, key }).first('request_hash', 'response');
}

export async function finishIdempotent(
  db: Db,
  apiKeyId: string,
  key: string,
  response: Record<string, unknown>,
  requestHash?: string,
): Promise<void> {
  await db('idempotency_keys')
    .where({ api_key_id: apiKeyId, key })
    .update({
      response: JSON.stringify(response),
      ...(requestHash === undefined ? {} : { request_hash: requestHash }),
    });
}

/** Says that the first request still runs: its reservation is not to be taken over. */
export async function touchIdempotent(db: Db, apiKeyId: string, key: string): Promise<void> {
  await db('idempotency_keys')
    .where({ api_key_id: apiKeyId, key })
    .whereNull('response')
    .update({ created_at: db.fn.now() });
}

/** After a failure that may have come behind a commit: the next try goes ahead at once, under the same id. */
export async function releaseIdempotent(db: Db, apiKeyId: string, key: string): Promise<void> {
  await db('idempotency_keys')
    .where({ api_key_id: apiKeyId, key })
    .whereNull('response')
    .update({ created_at: db.raw(`now() - interval '61 seconds'`) });
}

/** After a refusal, which created nothing. */
export async function forgetIdempotent(db: Db, apiKeyId: string, key: string): Promise<void> {
  await db('idempotency_keys').where({ api_key_id: apiKeyId, key }).delete();
}

export async function sweepIdempotent(db: Db): Promise<number> {
  return db('idempotency_keys').where('created_at', '<', db.raw(`now() - interval '24 hours'`)).delete();
}
