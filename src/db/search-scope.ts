import type { Filters } from '../retrieval/passage.ts';
import { type ChunkSet, inChunkSet, toChunkSet } from './chunk-set.ts';
import type { Db } from './connect.ts';
import type { KnownScope, ScopeCache } from './scope-cache.ts';
import { arrayOf, narrows, type Sql, visibleConditions, visibleDocuments } from './search.ts';

/**
 * What the filters leave to be searched. `few`: all of them are known, and each leg may look at every one; `many`: more than
 * `fewChunks`. Where `set` is there, it has all of them; without it a leg looks up whether a chunk is among them when it matters.
 */
export type Scope =
  | { kind: 'all' }
  | { kind: 'few'; seqs: number[]; set?: ChunkSet | undefined }
  | { kind: 'many'; filters: Filters; set?: ChunkSet | undefined };

/** Up to so many chunks an exact scan of their vectors is as quick as an index (docs/performance.md). */
export const fewChunks = 20_000;

/** So many are listed at most, to be kept: with more that pass, a lookup is soon among them. */
const mostListed = 250_000;

/**
 * With a cache what was found before is taken from it while neither corpus nor taxonomy has another version: one statement asks
 * for that, and makes the list of the same moment where it has. A list longer than `fewChunks` is made again where the last one
 * was of use, or for the second search of a version: while every search finds another version, making it would not pay.
 */
export async function findScope(
  db: Db,
  filters: Filters | undefined,
  cache?: ScopeCache | undefined,
): Promise<Scope> {
  if (!narrows(filters)) return { kind: 'all' };
  const key = JSON.stringify(filters);
  const known = cache?.get(key);
  const most = cache && (!known || (known.used && !known.unlisted)) ? mostListed : fewChunks;
  let found = await readScope(db, filters, { known, most });
  if (found === known && known?.unlisted === 'not yet')
    found = await readScope(db, filters, { most: mostListed });
  if (found === known) found.used = true;
  else cache?.set(key, found);
  const { seqs, set } = found;
  return seqs ? { kind: 'few', seqs, set } : { kind: 'many', filters, set };
}

interface Reading {
  known?: KnownScope | undefined;
  /** Chunks to list at most. */
  most: number;
}

/** What is known where it is of the versions in force; otherwise what there is now. */
async function readScope(db: Db, filters: Filters, { known, most }: Reading): Promise<KnownScope> {
  const { from, where, bindings } = visibleDocuments(filters);
  // Document by document, stopping early: the offset keeps the planner from going through all chunks instead.
  const { rows } = await db.raw(
    `select s.version as "corpusVersion", t.version as "taxonomyVersion",
            case when s.version = :knownCorpus::bigint and t.version::text is not distinct from :knownTaxonomy::text then null
                 else array_to_string(array(select c.seq from ${from}
                   cross join lateral (select seq from chunks where live and document_id = d.id offset 0) as c
                   where ${where} limit :most), ',') end as seqs
       from corpus_state s left join taxonomy_versions t on t.in_force`,
    {
      ...bindings,
      ...{ knownCorpus: known?.corpusVersion ?? null, knownTaxonomy: known?.taxonomyVersion ?? null },
      most: most + 1,
    },
  );
  const { seqs: list, ...versions } = rows[0] as ListRow;
  if (list === null && known) return known;
  const seqs = list ? list.split(',').map(Number) : [];
  const all = seqs.length <= most;
  const tooMany = most === mostListed || known?.unlisted === 'too many';
  return {
    ...{ ...versions, used: false },
    seqs: seqs.length <= fewChunks ? seqs : undefined,
    set: all ? toChunkSet(seqs) : undefined,
    unlisted: all ? undefined : tooMany ? 'too many' : 'not yet',
  };
}

interface ListRow extends Pick<KnownScope, 'corpusVersion' | 'taxonomyVersion'> {
  seqs: string | null;
}

/** A condition on a column of chunk numbers. Chunks that have postings are live; those that are listed were a moment ago. */
export function inScope(scope: Scope, column: string): Sql {
  if (scope.kind === 'all') return { sql: 'true', bindings: {} };
  // The shorter one to send: a number takes about as many bytes as a bigint.
  if (scope.set && (scope.kind === 'many' || scope.set.bits.length < 8 * scope.seqs.length))
    return inChunkSet(scope.set, column);
  if (scope.kind === 'few')
    return { sql: `${column} = any(:seqs::bigint[])`, bindings: { seqs: arrayOf(scope.seqs) } };
  return isVisible(scope.filters, column);
}

/** Whether search may see a chunk, as a scalar subquery: the planner can make no join of it, which would be the first to run. */
export function isVisible(filters: Filters | undefined, column: string): Sql {
  const { from, where, bindings } = visibleConditions(filters);
  return {
    sql: `coalesce((select true from ${from} where ${where} and c.seq = ${column}), false)`,
    bindings,
  };
}
