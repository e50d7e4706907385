import type { Filters } from '../retrieval/passage.ts';
import { maySee } from './access-conditions.ts';
import type { Db } from './connect.ts';
import { type Sql, visibleConditions } from './search.ts';

/** Which documents: all that is given must hold. What is not given does not narrow, so something must be. */
export interface DocumentSelection {
  filters?: Filters | undefined;
  collection?: string | undefined;
  externalIds?: readonly string[] | undefined;
  externalIdPrefix?: string | undefined;
  /** RFC 3339. */
  createdBefore?: string | undefined;
  updatedBefore?: string | undefined;
}

/** A condition on `d`, the documents. Deleted ones never match. */
function selects(selection: DocumentSelection): Sql {
  const given = Object.values(selection).filter((value) => value !== undefined);
  if (given.length === 0) throw new Error('a selection of documents must narrow something');
  const { ofDocument, bindings: ofFilters } = visibleConditions(selection.filters);
  const { whole, bindings: ofAccess } = maySee(selection.filters?.access);
  const bindings = { ...ofFilters, ...ofAccess };
  const conditions = ['d.deleted_at is null', ofDocument, whole];
  const add = (condition: string, name: string, value: unknown) => {
    if (value === undefined) return;
    conditions.push(condition);
    bindings[name] = value;
  };
  add('d.collection = :collection', 'collection', selection.collection);
  add('d.external_id = any(:names::text[])', 'names', selection.externalIds && [...selection.externalIds]);
  add('starts_with(d.external_id, :prefix)', 'prefix', selection.externalIdPrefix);
  add('d.created_at < :createdBefore::timestamptz', 'createdBefore', selection.createdBefore);
  add('d.updated_at < :updatedBefore::timestamptz', 'updatedBefore', selection.updatedBefore);
  return { sql: conditions.join(' and '), bindings };
}

export async function countSelected(db: Db, selection: DocumentSelection): Promise<number> {
  const { sql, bindings } = selects(selection);
  const { rows } = await db.raw(`select count(*)::int as n from documents d where ${sql}`, bindings);
  return rows[0].n;
}

/** Ids of all that match, which nobody else changes until the transaction ends. */
export async function holdSelected(db: Db, selection: DocumentSelection): Promise<string[]> {
  const { sql, bindings } = selects(selection);
  // Locked in one order for all: two who take the same documents must not wait for each other.
  const { rows } = await db.raw(
    `select d.id from documents d where ${sql} order by d.id for update`,
    bindings,
  );
  return rows.map(({ id }: { id: string }) => id);
}
