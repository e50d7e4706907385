import type { Knex } from 'knex';

/** Tables whose plans and index-only scans search depends on. */
const tables = [
  ...['postings', 'posting_counts', 'chunks', 'chunk_vectors', 'documents', 'document_versions'],
  ...['document_nodes', 'documents_at_several', 'taxonomy_nodes', 'taxonomy_redirects'],
];

/** Changes of the corpus before it is worth it: at least so many, and a tenth of what has been there. */
const leastChanges = 10;
const leastShare = 0.1;

/**
 * Vacuums and analyses the index tables when enough has changed since the last time; returns whether it did. PGlite has no
 * autovacuum: without this the planner takes full tables for empty ones, and a search costs ten times as much.
 */
export async function vacuumCorpus(db: Knex): Promise<boolean> {
  const state = await db('corpus_state').first('version', 'vacuumed_version');
  const changes = state.version - state.vacuumed_version;
  if (changes < leastChanges || changes < leastShare * state.vacuumed_version) return false;
  for (const table of tables) await db.raw(`vacuum analyze ${table}`);
  await db('corpus_state').update({ vacuumed_version: state.version });
  return true;
}
