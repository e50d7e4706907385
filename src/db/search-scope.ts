import type { Filters } from '../retrieval/passage.ts';
import type { Db } from './connect.ts';
import { arrayOf, narrows, type Sql, visibleConditions, visibleDocuments } from './search.ts';

/**
 * What the filters leave to be searched. `few`: all of them are known, and each leg may look at every one; `many`: more than
 * `fewChunks`, and a leg looks up whether a chunk is among them when it matters.
 */
export type Scope = { kind: 'all' } | { kind: 'few'; seqs: number[] } | { kind: 'many'; filters: Filters };

/** Up to so many chunks an exact scan of their vectors is as quick as an index (docs/performance.md). */
export const fewChunks = 20_000;

export async function findScope(db: Db, filters: Filters | undefined): Promise<Scope> {
  if (!narrows(filters)) return { kind: 'all' };
  const { from, where, bindings } = visibleDocuments(filters);
  // Document by document, stopping early: the offset keeps the planner from going through all chunks instead.
  const { rows } = await db.raw(
    `select array_to_string(array(select c.seq from ${from}
        cross join lateral (select seq from chunks where live and document_id = d.id offset 0) as c
        where ${where} limit ${fewChunks + 1}), ',') as seqs`,
    bindings,
  );
  const list = rows[0].seqs as string;
  const seqs = list === '' ? [] : list.split(',').map(Number);
  return seqs.length <= fewChunks ? { kind: 'few', seqs } : { kind: 'many', filters };
}

/** A condition on a column of chunk numbers. Chunks that have postings are live; those in `few` were a moment ago. */
export function inScope(scope: Scope, column: string): Sql {
  if (scope.kind === 'all') return { sql: 'true', bindings: {} };
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
