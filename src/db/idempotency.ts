import type { Db } from './connect.ts';

export interface IdempotentRequest {
  request_hash: string;
  response: Record<string, unknown> | null;
}

/** Reserves the key for this request: undefined means go ahead. A reservation whose process died is taken over after a minute. */
export async function beginIdempotent(
  db: Db,
  apiKeyId: string,
  key: string,
  requestHash: string,
): Promise<IdempotentRequest | undefined> {
  const { rows } = await db.raw(
    `insert into idempotency_keys (api_key_id, key, request_hash) values (?, ?, ?)
     on conflict (api_key_id, key) do update set request_hash = excluded.request_hash, response = null, created_at = now()
       where idempotency_keys.created_at < now() - interval '24 hours'
          or (idempotency_keys.response is null and idempotency_keys.created_at < now() - interval '1 minute')
     returning 1`,
    [apiKeyId, key, requestHash],
  );
  if (rows.length > 0) return undefined;
  return db('idempotency_keys').where({ api_key_id: apiKeyId, key }).first('request_hash', 'response');
}

export async function finishIdempotent(
  db: Db,
  apiKeyId: string,
  key: string,
  response: Record<string, unknown>,
): Promise<void> {
  await db('idempotency_keys')
    .where({ api_key_id: apiKeyId, key })
    .update({ response: JSON.stringify(response) });
}

export async function forgetIdempotent(db: Db, apiKeyId: string, key: string): Promise<void> {
  await db('idempotency_keys').where({ api_key_id: apiKeyId, key }).delete();
}

export async function sweepIdempotent(db: Db): Promise<number> {
  return db('idempotency_keys').where('created_at', '<', db.raw(`now() - interval '24 hours'`)).delete();
}
