import type { Knex } from 'knex';
import { analyzerVersion } from '../retrieval/analyze.ts';
import type { PiiReport } from '../text/pii/mask.ts';
import { leaseLost, unhurried } from './lease.ts';
import type { VersionKey } from './versions.ts';

export interface NewChunk {
  /** UTF-16 offsets into the text of the version. */
  start: number;
  end: number;
  page: number | null;
  heading: string | null;
  context: string | null;
  /** White space between the chunk before and this one; null where they overlap. */
  gap: string | null;
  text: string;
  words: string[];
  frequencies: number[];
  wordCount: number;
}

/** What a document's parser says of the whole of it. */
export interface ParsedSummary {
  pages: { page: number; start: number; end: number }[];
  found: { title?: string; author?: string; date?: string; language?: string };
  pii?: PiiReport;
}

/** A stretch of a version's text with the chunks that end in it. */
export interface ParsedWindow {
  text: string;
  chunks: NewChunk[];
}

export interface ParsedVersion extends ParsedSummary, ParsedWindow {}

/** About so many characters of chunks go in a statement: the one session of the embedded tier serves others between them. */
const statementCharacters = 500_000;

/**
 * Writes a version's text and chunks window by window as they come, each window in a transaction of its own that holds only
 * while the lease does, and moves the version on to `embedding` with the last. A text of one window stands in the version's
 * row, a longer one in `text_parts`. The first window takes away what an earlier try left. Methods throw `lease_lost` when
 * fenced off.
 */
export function createVersionWriter(db: Knex, key: VersionKey, token: string) {
  // One window behind: only the next one, or the end, says whether it is all there is.
  let waiting: ParsedWindow | undefined;
  let parts = 0;
  let length = 0;
  let chunks = 0;

  async function write(
    trx: Knex.Transaction,
    window: ParsedWindow,
    { alone, hasEarlier }: { alone: boolean; hasEarlier: boolean },
  ): Promise<void> {
    if (parts === 0 && hasEarlier) await clearParsed(trx, key);
    if (!alone) await trx('text_parts').insert({ ...where(key), start_char: length, text: window.text });
    await insertChunks(trx, key, chunks, window.chunks);
    parts += 1;
    length += window.text.length;
    chunks += window.chunks.length;
  }

  return {
    async add(window: ParsedWindow): Promise<void> {
      const whole = waiting;
      waiting = window;
      if (whole === undefined) return;
      await db.transaction(async (trx) => {
        const held = await trx('document_versions')
          .where({ ...where(key), lease_token: token, status: 'parsing' })
          .forUpdate()
          .first(trx.raw(hasEarlierParsed));
        if (!held) throw leaseLost();
        await write(trx, whole, { alone: false, ...held });
      });
    },
    /** Returns how many chunks there are in all. */
    async end({ pages, found, pii }: ParsedSummary): Promise<number> {
      const last = waiting ?? { text: '', chunks: [] };
      const alone = parts === 0;
      await db.transaction(async (trx) => {
        const [moved] = await trx('document_versions')
          .where({ ...where(key), lease_token: token, status: 'parsing' })
          .update({
            status: 'embedding',
            ...(alone && { text: last.text }),
            pages: JSON.stringify(pages),
            found: JSON.stringify(found),
            ...(pii && { pii: JSON.stringify(pii) }),
            chunk_count: chunks + last.chunks.length,
            turn: null,
            embed_failures: 0,
            lease_token: null,
            lease_until: null,
            updated_at: trx.fn.now(),
          })
          .returning(trx.raw(hasEarlierParsed) as unknown as 'hasEarlier');
        if (!moved) throw leaseLost();
        await write(trx, last, { alone, ...moved });
      });
      return chunks;
    },
  };
}

/** Stores text and chunks at once and moves the version on to `embedding`, all or nothing. Throws `lease_lost` when fenced off. */
export async function storeParsed(
  db: Knex,
  key: VersionKey,
  token: string,
  { text, chunks, ...summary }: ParsedVersion,
): Promise<void> {
  const writer = createVersionWriter(db, key, token);
  await writer.add({ text, chunks });
  await writer.end(summary);
}

/** Whether an earlier try has stored something: what it has was there before this one could claim the version. */
const hasEarlierParsed = `exists (select from chunks c
    where c.document_id = document_versions.document_id and c.version = document_versions.version)
  or exists (select from text_parts p
    where p.document_id = document_versions.document_id and p.version = document_versions.version) as "hasEarlier"`;

/** Takes that away. */
async function clearParsed(trx: Knex.Transaction, { documentId, version }: VersionKey): Promise<void> {
  await trx.raw(
    `with parts as (delete from text_parts where document_id = :documentId and version = :version)
     delete from chunks where document_id = :documentId and version = :version and not live`,
    { documentId, version },
  );
}

async function insertChunks(
  trx: Knex.Transaction,
  key: VersionKey,
  first: number,
  chunks: readonly NewChunk[],
): Promise<void> {
  let n = first;
  for (const group of grouped(chunks)) {
    // What is null arrives as null; the driver's types only know arrays without.
    const column = (of: (chunk: NewChunk) => string | number | null) => group.map(of) as string[];
    // Arrays, one a column, whatever the number of rows; lists within them as text, which Postgres takes apart faster than JSON.
    await trx.raw(
      `insert into chunks (document_id, version, n, start_char, end_char, page, heading, context, gap, text, words,
         frequencies, word_count, analyzer)
       select ?, ?, ?::int + g.i - 1, g.start_char, g.end_char, g.page, g.heading, g.context, g.gap, g.text,
              string_to_array(g.words, e'\\n'), g.frequencies::smallint[], g.word_count, ?
         from unnest(?::int[], ?::int[], ?::int[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::int[])
           with ordinality as g(start_char, end_char, page, heading, context, gap, text, words, frequencies, word_count, i),
              ${unhurried}`,
      [
        key.documentId,
        key.version,
        n,
        analyzerVersion,
        column((chunk) => chunk.start),
        column((chunk) => chunk.end),
        column((chunk) => chunk.page),
        column((chunk) => chunk.heading),
        column((chunk) => chunk.context),
        column((chunk) => chunk.gap),
        column((chunk) => chunk.text),
        column((chunk) => chunk.words.join('\n')),
        column((chunk) => `{${chunk.frequencies.join(',')}}`),
        column((chunk) => chunk.wordCount),
      ],
    );
    n += group.length;
  }
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

interface Extent {
  chunks: number;
  words: number;
}

/**
 * Makes the chunks of a version findable: their postings, in the order of the index by word, then themselves. Returns what became
 * live.
 */
export async function publishChunks(
  trx: Knex.Transaction,
  { documentId, version }: VersionKey,
): Promise<Extent> {
  const { rows } = await trx.raw(
    `with published as (
       update chunks set live = true where document_id = ? and version = ? and not live
       returning seq, words, frequencies, word_count),
     posted as (
       insert into postings (word, chunk_seq, frequency, word_count)
       select w.word, c.seq, w.frequency, c.word_count
         from published c cross join lateral unnest(c.words, c.frequencies) as w(word, frequency)
        order by w.word collate "C", c.seq)
     select count(*)::int as chunks, coalesce(sum(word_count), 0)::int as words from published`,
    [documentId, version],
  );
  return rows[0];
}

const where = ({ documentId, version }: VersionKey) => ({ document_id: documentId, version });
