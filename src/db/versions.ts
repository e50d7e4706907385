import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { ErrorSummary } from '../errors.ts';
import { analyzerVersion } from '../retrieval/analyze.ts';
import { type Attributes, applyAttributes } from './accept-documents.ts';
import type { Db } from './connect.ts';
import { keptStatuses } from './generations.ts';
import { leaseLost, leaseUntil } from './lease.ts';

export interface VersionKey {
  documentId: string;
  version: number;
}

const where = ({ documentId, version }: VersionKey) => ({ document_id: documentId, version });

export interface ClaimedVersion {
  token: string;
  attempts: number;
  contentType: string;
  fileName: string | null;
  /** Set when the document came as JSON text. */
  text: string | null;
  /** Where its bytes come from, and whether they are here already. */
  fetchUrl: string | null;
  fetched: boolean;
  priority: number;
  attributes: Attributes;
}

/** Takes a queued version, or one whose parser's lease ran out. Undefined: somebody else has it, or it is past parsing. */
export async function claimVersion(db: Db, key: VersionKey): Promise<ClaimedVersion | undefined> {
  const token = randomUUID();
  const { rows } = await db.raw(
    `update document_versions
        set status = 'parsing', lease_token = ?, lease_until = ${leaseUntil}, attempts = attempts + 1, error = null, updated_at = now()
      where document_id = ? and version = ?
        and (status = 'queued' or (status = 'parsing' and lease_until < now()))
      returning attempts, content_type as "contentType", file_name as "fileName", text, priority, attributes,
                fetch_url as "fetchUrl", fetched_at is not null as fetched`,
    [token, key.documentId, key.version],
  );
  return rows[0] && { ...rows[0], token };
}

export interface NewChunk {
  start: number;
  end: number;
  page: number | null;
  heading: string | null;
  text: string;
  words: string[];
  frequencies: number[];
  wordCount: number;
}

export interface ParsedVersion {
  text: string;
  pages: { page: number; start: number; end: number }[];
  found: { title?: string; author?: string; date?: string; language?: string };
  chunks: NewChunk[];
}

/** Stores text and chunks and moves the version on to `embedding`, all or nothing. Throws `lease_lost` when fenced off. */
export async function storeParsed(
  db: Knex,
  key: VersionKey,
  token: string,
  parsed: ParsedVersion,
): Promise<void> {
  await db.transaction(async (trx) => {
    const moved = await trx('document_versions')
      .where({ ...where(key), lease_token: token, status: 'parsing' })
      .update({
        status: 'embedding',
        text: parsed.text,
        pages: JSON.stringify(parsed.pages),
        found: JSON.stringify(parsed.found),
        chunk_count: parsed.chunks.length,
        lease_token: null,
        lease_until: null,
        updated_at: trx.fn.now(),
      });
    if (moved === 0) throw leaseLost();
    const rows = parsed.chunks.map((chunk, n) => ({
      ...where(key),
      n,
      start_char: chunk.start,
      end_char: chunk.end,
      page: chunk.page,
      heading: chunk.heading,
      text: chunk.text,
      words: chunk.words,
      frequencies: chunk.frequencies,
      word_count: chunk.wordCount,
      analyzer: analyzerVersion,
    }));
    for (let i = 0; i < rows.length; i += 50) await trx('chunks').insert(rows.slice(i, i + 50));
  });
}

/** Back to the queue after a failure that may pass; the error stays visible meanwhile. */
export async function releaseVersion(
  db: Db,
  key: VersionKey,
  token: string,
  error: ErrorSummary,
): Promise<void> {
  await db('document_versions')
    .where({ ...where(key), lease_token: token })
    .update({
      status: 'queued',
      lease_token: null,
      lease_until: null,
      error: JSON.stringify(error),
      updated_at: db.fn.now(),
    });
}

/** The end of a version that could not be ingested; a version that ended meanwhile stays as it is. Removes its chunks. */
export async function failVersion(db: Knex, key: VersionKey, error: ErrorSummary): Promise<boolean> {
  return db.transaction(async (trx) => {
    const failed = await trx('document_versions')
      .where(where(key))
      .whereIn('status', ['queued', 'parsing', 'embedding'])
      .update({
        status: 'failed',
        error: JSON.stringify(error),
        lease_token: null,
        lease_until: null,
        updated_at: trx.fn.now(),
      });
    if (failed > 0)
      await trx('chunks')
        .where({ ...where(key), live: false })
        .delete();
    return failed > 0;
  });
}

/**
 * Makes a fully embedded version the live one: previous chunks go, its own become findable, statistics and attributes
 * follow, in one transaction. False when a chunk still lacks its vector of the live generation or the version is not waiting
 * for it. Generations are held shared: none is switched to, or counted complete, while chunks become live beside it.
 */
export async function makeLive(db: Knex, key: VersionKey): Promise<boolean> {
  return db.transaction(async (trx) => {
    const held = await trx.raw(
      `select model, status from embedding_generations where status in ${keptStatuses} order by id for share`,
    );
    const live = held.rows.find(({ status }: { status: string }) => status === 'live');
    if (!live) return false;
    const { rows } = await trx.raw(
      `select 1 from documents d join document_versions v on v.document_id = d.id and v.version = d.version
        where d.id = ? and v.version = ? and v.status = 'embedding' and d.deleted_at is null
          and not exists (
            select 1 from chunks c left join chunk_vectors x on x.chunk_seq = c.seq and x.model = ?
             where c.document_id = d.id and c.version = v.version and x.chunk_seq is null)
        for update of d, v`,
      [key.documentId, key.version, live.model],
    );
    if (rows.length === 0) return false;
    const gone = await removeChunks(trx, key.documentId, key.version);
    const added = await publishChunks(trx, key);
    await applyAttributes(trx, key.documentId, key.version);
    await trx('document_versions')
      .where(where(key))
      .update({ status: 'ready', error: null, updated_at: trx.fn.now() });
    await changeCorpus(trx, { chunks: added.chunks - gone.chunks, words: added.words - gone.words });
    return true;
  });
}

interface Extent {
  chunks: number;
  words: number;
}

/** Deletes a document's chunks but those of `keep`, with their postings and vectors; returns what was live of them. */
export async function removeChunks(
  trx: Knex.Transaction,
  documentId: string,
  keep: number | null,
): Promise<Extent> {
  const { rows } = await trx.raw(
    `with gone as (delete from chunks where document_id = ? and (?::int is null or version <> ?) returning live, word_count)
     select count(*)::int as chunks, coalesce(sum(word_count), 0)::int as words from gone where live`,
    [documentId, keep, keep],
  );
  return rows[0];
}

async function publishChunks(trx: Knex.Transaction, { documentId, version }: VersionKey): Promise<Extent> {
  await trx.raw(
    `insert into postings (word, chunk_seq, frequency, word_count)
     select w.word, c.seq, w.frequency, c.word_count
       from chunks c cross join lateral unnest(c.words, c.frequencies) as w(word, frequency)
      where c.document_id = ? and c.version = ?`,
    [documentId, version],
  );
  const { rows } = await trx.raw(
    `with published as (update chunks set live = true where document_id = ? and version = ? and not live returning word_count)
     select count(*)::int as chunks, coalesce(sum(word_count), 0)::int as words from published`,
    [documentId, version],
  );
  return rows[0];
}

/** Every change of what can be found passes here, last in its transaction: the row is a lock that all writers share. */
export async function changeCorpus(trx: Knex.Transaction, delta: Extent): Promise<void> {
  await trx('corpus_state').update({
    version: trx.raw('version + 1'),
    live_chunks: trx.raw('live_chunks + ?', [delta.chunks]),
    live_words: trx.raw('live_words + ?', [delta.words]),
  });
}
