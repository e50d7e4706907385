import type { Knex } from 'knex';
import { analyzerVersion } from '../retrieval/analyze.ts';
import { unhurried } from './lease.ts';
import type { NewChunk } from './store-chunks.ts';
import type { VersionKey } from './versions.ts';

/** About so many characters of chunks go in a statement: the one session of the embedded tier serves others between them. */
const statementCharacters = 500_000;

export function fitOneStatement(chunks: readonly NewChunk[]): boolean {
  return chunks.reduce((sum, { text }) => sum + text.length, 0) <= statementCharacters;
}

/** Chunks of a version, of which the first gets number `first`. */
export async function insertChunks(
  trx: Knex.Transaction,
  { documentId, version }: VersionKey,
  first: number,
  chunks: readonly NewChunk[],
): Promise<void> {
  let n = first;
  for (const group of grouped(chunks)) {
    await trx.raw(
      `with v as (select :documentId::uuid as document_id, :version::int as version) ${insertion}`,
      { documentId, version, ...insertionOf(group, n) },
    );
    n += group.length;
  }
}

/**
 * For the version that a `v (document_id, version)` before it names. Arrays, one a column, whatever the number of rows; lists within
 * them as text, which Postgres takes apart faster than JSON.
 */
export const insertion = `
  insert into chunks (document_id, version, n, start_char, end_char, page, heading, context, gap, text, words,
    frequencies, word_count, analyzer)
  select v.document_id, v.version, :first::int + g.i - 1, g.start_char, g.end_char, g.page, g.heading, g.context, g.gap, g.text,
         string_to_array(g.words, e'\\n'), g.frequencies::smallint[], g.word_count, :analyzer
    from v, unnest(:starts::int[], :ends::int[], :pages::int[], :headings::text[], :contexts::text[], :gaps::text[], :texts::text[],
           :words::text[], :frequencies::text[], :wordCounts::int[])
           with ordinality as g(start_char, end_char, page, heading, context, gap, text, words, frequencies, word_count, i),
         ${unhurried}`;

/** What `insertion` binds; `first` is the number of the first chunk. */
export function insertionOf(chunks: readonly NewChunk[], first: number) {
  // What is null arrives as null; the driver's types only know arrays without.
  const column = (of: (chunk: NewChunk) => string | number | null) => chunks.map(of) as string[];
  return {
    first,
    analyzer: analyzerVersion,
    starts: column((chunk) => chunk.start),
    ends: column((chunk) => chunk.end),
    pages: column((chunk) => chunk.page),
    headings: column((chunk) => chunk.heading),
    contexts: column((chunk) => chunk.context),
    gaps: column((chunk) => chunk.gap),
    texts: column((chunk) => chunk.text),
    words: column(({ words }) => (typeof words === 'string' ? words : words.join('\n'))),
    frequencies: column(({ frequencies: of }) => `{${typeof of === 'string' ? of : of.join(',')}}`),
    wordCounts: column((chunk) => chunk.wordCount),
  };
}

function* grouped(chunks: readonly NewChunk[]): Generator<NewChunk[]> {
  let group: NewChunk[] = [];
  let characters = 0;
  for (const chunk of chunks) {
    group.push(chunk);
    characters += chunk.text.length;
    if (characters < statementCharacters) continue;
    yield group;
    group = [];
    characters = 0;
  }
  if (group.length > 0) yield group;
}
