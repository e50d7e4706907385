import type { Knex } from 'knex';

export interface MovedColumn {
  name: string;
  /** As SQL writes it: `text[]`, `vector`, `timestamp with time zone`. */
  type: string;
}

export interface MovedTable {
  name: string;
  columns: MovedColumn[];
  key: string[];
  /** Tables that its foreign keys point at. */
  parents: string[];
}

/** Written by the target's triggers; it refers to moved tables, so they are not emptied without it. */
export const writtenAnew = 'documents_at_several';

/** Not work but the machinery's notes on itself: what processes of the source do and did says nothing of the target's. */
const leftBehind = [
  'worker_heartbeats',
  'api_heartbeats',
  'posting_counts',
  'vector_recall',
  'orphans',
  'tool_servers',
  writtenAnew,
];

/** Rows that every database has once it is migrated, or once a service was started on it, and how to tell them from others. */
const untouched: Record<string, string> = {
  corpus_state: 'version = 0',
  taxonomy_versions: `version = '1.0.0'`,
  learning_state: 'last_version = 0 and batches_planned = 0',
  schedules: 'true',
  classify_state: 'revision = 0',
  classifiers: 'true',
  fair_clocks: 'true',
  // A start makes the first one; vectors of it would be rows of other tables.
  embedding_generations: 'true',
};

/** Tables of the public schema that hold our rows: neither knex' nor an extension's. BullMQ's are in a schema of their own. */
const ownTables = `select c.oid, c.relname as name from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and c.relname not like 'knex_migrations%'
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`;

/**
 * What is to be moved between two databases of the same schema version, in an order that foreign keys allow. A table that only
 * one of them has is somebody else's and stays.
 */
export async function listMovedTables(source: Knex, target: Knex): Promise<MovedTable[]> {
  const { rows: there } = await source.raw(ownTables);
  const shared = new Set(there.map(({ name }: { name: string }) => name));
  const { rows } = await target.raw(
    `select t.name,
            array(select json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
                    from pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
                     and a.attgenerated = '' order by a.attnum) as columns,
            array(select a.attname::text from pg_index i cross join unnest(i.indkey) with ordinality as k(attnum, n)
                    join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum
                   where i.indrelid = t.oid and i.indisprimary and k.n <= i.indnkeyatts order by k.n) as key,
            array(select r.relname::text from pg_constraint f join pg_class r on r.oid = f.confrelid
                   where f.conrelid = t.oid and f.contype = 'f' and r.oid <> t.oid) as parents
       from (${ownTables}) t order by t.name`,
  );
  return parentsFirst(rows.filter(({ name }: MovedTable) => shared.has(name) && !leftBehind.includes(name)));
}

/** Throws when foreign keys form a circle: then no order would do. */
export function parentsFirst<Table extends { name: string; parents: string[] }>(tables: Table[]): Table[] {
  const ordered: Table[] = [];
  const waiting = new Map(tables.map((table) => [table.name, table]));
  while (waiting.size > 0) {
    const free = [...waiting.values()].filter(({ parents }) => !parents.some((name) => waiting.has(name)));
    if (free.length === 0)
      throw new Error(`The foreign keys of ${[...waiting.keys()].join(', ')} form a circle.`);
    for (const table of free) {
      waiting.delete(table.name);
      ordered.push(table);
    }
  }
  return ordered;
}

/** Tables that somebody has put rows into, with how many; none in a database that has only been migrated and started. */
export async function findForeignRows(
  db: Knex,
  tables: readonly MovedTable[],
): Promise<{ name: string; rows: number }[]> {
  const found: { name: string; rows: number }[] = [];
  for (const { name } of tables) {
    const { rows } = await db.raw(
      `select count(*)::int as rows from ${quote(name)} where not (${untouched[name] ?? 'false'})`,
    );
    if (rows[0].rows > 0) found.push({ name, rows: rows[0].rows });
  }
  return found;
}

/** Gives the target's sequences the state of the source's, so that a number once used is never used again. */
export async function copySequences(
  source: Knex,
  target: Knex,
  tables: readonly MovedTable[],
): Promise<void> {
  for (const { name, columns } of tables) {
    const { rows } = await source.raw(
      `select c as "column", pg_get_serial_sequence(?, c) as sequence from unnest(?::text[]) as c
        where pg_get_serial_sequence(?, c) is not null`,
      [quote(name), columns.map((column) => column.name), quote(name)],
    );
    for (const { column, sequence } of rows) {
      const state = await source.raw(`select last_value::text as last, is_called as called from ${sequence}`);
      const { last, called } = state.rows[0];
      await target.raw('select setval(pg_get_serial_sequence(?, ?), ?::bigint, ?)', [
        quote(name),
        column,
        last,
        called,
      ]);
    }
  }
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
