import type { Knex } from 'knex';
import type { PiiReport } from '../text/pii/mask.ts';
import { fitOneStatement, insertChunks, insertion, insertionOf } from './insert-chunks.ts';
import { leaseLost } from './lease.ts';
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
  /** Distinct index words; or one a line, in which form they are a fraction of the work for everybody who holds them. */
  words: readonly string[] | string;
  /** One of each word; or with commas between them. */
  frequencies: readonly number[] | string;
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
      const summary = { pages, found, ...(pii && { pii }) };
      const short = alone && fitOneStatement(last.chunks);
      if (short && (await storeAtOnce(db, key, token, { ...last, ...summary }))) return last.chunks.length;
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
const earlierParsed = `exists (select from chunks c
    where c.document_id = document_versions.document_id and c.version = document_versions.version)
  or exists (select from text_parts p
    where p.document_id = document_versions.document_id and p.version = document_versions.version)`;
const hasEarlierParsed = `${earlierParsed} as "hasEarlier"`;

/** Takes that away. */
async function clearParsed(trx: Knex.Transaction, { documentId, version }: VersionKey): Promise<void> {
  await trx.raw(
    `with parts as (delete from text_parts where document_id = :documentId and version = :version)
     delete from chunks where document_id = :documentId and version = :version and not live`,
    { documentId, version },
  );
}

/**
 * The end of a version of one window, in one statement; false when an earlier try has left something that must go first, or the
 * lease is lost.
 */
async function storeAtOnce(
  db: Knex,
  { documentId, version }: VersionKey,
  token: string,
  { text, chunks, pages, found, pii }: ParsedVersion,
): Promise<boolean> {
  const { rows } = await db.raw(
    `with v as (
       update document_versions
          set status = 'embedding', text = :content, pages = :pagesOfText, found = :found, pii = coalesce(:pii::jsonb, pii),
              chunk_count = :count, turn = null, embed_failures = 0, lease_token = null, lease_until = null, updated_at = now()
        where document_id = :documentId and version = :version and lease_token = :token and status = 'parsing'
          and not (${earlierParsed})
       returning document_id, version),
     stored as (${insertion})
     select from v`,
    {
      ...{ documentId, version, token, content: text, count: chunks.length, ...insertionOf(chunks, 0) },
      ...{ pagesOfText: JSON.stringify(pages), found: JSON.stringify(found) },
      pii: pii ? JSON.stringify(pii) : null,
    },
  );
  return rows.length > 0;
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
