import type { Db } from './connect.ts';

/** A cached value that was computed on the corpus as it is now. Counts the hit. */
export async function readCache<T>(db: Db, key: string, ttlSeconds: number): Promise<T | undefined> {
  const { rows } = await db.raw(
    `update query_cache q set hits = hits + 1 from corpus_state s
      where q.key = ? and q.corpus_version = s.version and q.created_at > now() - ? * interval '1 second' returning q.value`,
    [key, ttlSeconds],
  );
  return rows[0]?.value;
}

export async function writeCache(db: Db, key: string, corpusVersion: number, value: unknown): Promise<void> {
  const row = {
    key,
    corpus_version: corpusVersion,
    value: JSON.stringify(value),
    hits: 0,
    created_at: db.fn.now(),
  };
  await db('query_cache').insert(row).onConflict('key').merge();
}

/** Removes entries whose key matches the pattern (`*` and `?` as in a shell); all without one. Returns how many. */
export async function clearCache(db: Db, pattern?: string): Promise<number> {
  if (pattern === undefined) return db('query_cache').delete();
  const like = pattern
    .replace(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_');
  return db('query_cache').where('key', 'like', like).delete();
}

/** Entries that can never be served again. */
export async function sweepCache(db: Db, ttlSeconds: number): Promise<number> {
  const { rowCount } = await db.raw(
    `delete from query_cache where created_at < now() - ? * interval '1 second' or corpus_version < (select version from corpus_state)`,
    [ttlSeconds],
  );
  return rowCount ?? 0;
}

export async function cacheStatistics(db: Db): Promise<{ entries: number; hits: number }> {
  const { rows } = await db.raw(
    'select count(*)::int as entries, coalesce(sum(hits), 0)::int as hits from query_cache',
  );
  return rows[0];
}
