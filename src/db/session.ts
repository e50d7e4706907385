import { searchPath } from './search-path.ts';

/**
 * Settings of every session. JIT: compiling a query costs more than any of ours takes. hnsw: an index scan goes on until
 * enough rows pass the filter, in relaxed order (the query sorts), but not beyond so many rows; with an `ef_search` of 100 a
 * million chunks had .94 of the ten nearest, and small corpora as little where chance had made a poor graph
 * (docs/performance.md). Names with a dot may be set before the extension that knows them is loaded.
 */
export const sessionSettings: Record<string, string> = {
  search_path: searchPath,
  jit: 'off',
  'hnsw.iterative_scan': 'relaxed_order',
  'hnsw.ef_search': '200',
  'hnsw.max_scan_tuples': '50000',
};

/** As the start-up option of a connection. */
export function sessionOptions(): string {
  return Object.entries(sessionSettings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '')}`)
    .join(' ');
}

/**
 * As statements, for the one session of the embedded database, whose socket ignores start-up options. No process beside it
 * writes what was committed without waiting, so there its own death would take all of that back: it never does.
 */
export function sessionStatements(): string {
  return Object.entries({ ...sessionSettings, 'dt_rag.unhurried_commit': 'on' })
    .map(([name, value]) => `set ${name} = ${value};`)
    .join('\n');
}
