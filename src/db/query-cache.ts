import type { Db } from './connect.ts';
import type { GenerationModel } from './generations.ts';
import { unhurried } from './lease.ts';
import { prepared } from './prepared.ts';
import { statisticsStatement, toStatistics, type WordStatistics } from './search-words.ts';
import { vectorIndexOf } from './vector-index.ts';

/** What a search begins with: the corpus and the generation in force at this moment, and what is cached for them. */
export interface SearchState {
  corpusVersion: number;
  /** null before the first start of a service on this database. */
  generation: (GenerationModel & { id: string }) | null;
  /** Whether search may rely on an index over its vectors. */
  indexed: boolean;
  /** The result of the same search on the corpus, generation and taxonomy as they are now. */
  found: unknown;
  /** The question's vector by the model of the generation, packed. */
  vector: string | null;
  /** Of the words, for who may see the whole corpus; left out where a result was found. */
  statistics?: WordStatistics;
}

export interface CacheKeys {
  /** Everything the result depends on, beside corpus and generation. */
  result: string;
  /** Of the question's text. */
  questionHash: string;
}

const stateStatement = `with state as (
    select s.version, g.id, g.provider, g.model, g.dimensions
      from corpus_state s left join embedding_generations g on g.status = 'live'),
  hit as (
    update query_cache q set hits = hits + 1 from state, ${unhurried}
     where q.key = :result and q.corpus_version = state.version and q.generation_id is not distinct from state.id
       and q.value->>'taxonomyVersion' = (select t.version from taxonomy_versions t where t.in_force)
       and q.created_at > now() - :ttl * interval '1 second' returning q.value)
  select state.version, state.id, state.provider, state.model, state.dimensions, hit.value as found,
         (select i.indisvalid from pg_index i where i.indexrelid = ${vectorIndexOf('state.model', 'state.dimensions')}) as indexed,
         (select e.value #>> '{}' from query_cache e
           where hit.value is null and e.key = 'embedding:' || state.model || ':' || :questionHash
             and e.created_at > now() - :ttl * interval '1 second') as vector,
         (select to_json(x) from (${statisticsStatement}) x where hit.value is null) as statistics
    from state left join hit on true`;

/**
 * One round trip at the beginning of each search: nothing of it is older than the search, so a delete, a switch or a
 * rollback is obeyed by the next one in every process. Counts the hit. ttl 0: nothing is looked for in the cache.
 * @param asked the question's index words, whose statistics are read where no result is found
 */
export async function readSearchState(
  db: Db,
  keys: CacheKeys,
  ttlSeconds: number,
  asked: readonly string[] = [],
): Promise<SearchState> {
  const words = [...new Set(asked)];
  const { rows } = await prepared(db, stateStatement, { ...keys, ttl: ttlSeconds, words });
  const { version, id, provider, model, dimensions, indexed, found, vector, statistics } = rows[0];
  return {
    corpusVersion: version,
    generation: id === null ? null : { id, provider, model, dimensions },
    indexed: indexed === true,
    found: found ?? undefined,
    vector,
    ...(statistics && { statistics: toStatistics(statistics, words) }),
  };
}

export interface CacheEntry {
  key: string;
  /** null: depends on no corpus. */
  corpusVersion: number | null;
  generationId: string | null;
  value: unknown;
}

export function embeddingKey(model: string, questionHash: string): string {
  return `embedding:${model}:${questionHash}`;
}

// In one order for all: two writers of the same keys must not wait for each other.
const writeStatement = `insert into query_cache (key, corpus_version, generation_id, value, hits, created_at)
  select e.key, e.corpus_version, e.generation_id, e.value, 0, now()
    from ${unhurried}, json_to_recordset(:entries::json) as e(key text, corpus_version bigint, generation_id uuid, value jsonb)
   where e.corpus_version is null or e.corpus_version = (select version from corpus_state)
   order by e.key
  on conflict (key) do update
     set corpus_version = excluded.corpus_version, generation_id = excluded.generation_id, value = excluded.value,
         hits = 0, created_at = excluded.created_at`;

/** Keeps the entries, of the same key the last; none of a corpus that has changed since, which nobody would be served again. */
export async function writeCache(db: Db, entries: readonly CacheEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const last = new Map(entries.map((entry) => [entry.key, entry]));
  const rows = [...last.values()].map(({ key, corpusVersion, generationId, value }) => ({
    ...{ key, corpus_version: corpusVersion, generation_id: generationId, value },
  }));
  await prepared(db, writeStatement, { entries: JSON.stringify(rows) });
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

/** Entries that can never be served again; answers have a time of their own (`sweepCachedAnswers`). */
export async function sweepCache(db: Db, ttlSeconds: number): Promise<number> {
  const { rowCount } = await db.raw(
    `delete from query_cache where (created_at < now() - ? * interval '1 second' and key not like 'answer:%')
        or corpus_version < (select version from corpus_state)`,
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
