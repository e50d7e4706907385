import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { ErrorSummary } from '../errors.ts';
import type { PiiPolicy, PiiReport } from '../text/pii/mask.ts';
import { type Attributes, applyAttributes } from './accept-documents.ts';
import type { Db } from './connect.ts';
import { keptStatuses } from './generations.ts';
import { keepVectors } from './known-vectors.ts';
import { leaseUntil, unhurried } from './lease.ts';
import { makeLiveAtOnce } from './live-at-once.ts';
import { forgetBytes, holdsPii } from './originals.ts';
import { publishChunks } from './store-chunks.ts';

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
  /** Of its content alone; null for versions from before it was kept. */
  sourceHash: string | null;
  piiPolicy: PiiPolicy;
  /** Set when it was looked for already: then `text` is the masked one. */
  pii: PiiReport | null;
}

/** Takes a queued version, or one whose parser's lease ran out. Undefined: somebody else has it, or it is past parsing. */
export async function claimVersion(db: Db, key: VersionKey): Promise<ClaimedVersion | undefined> {
  const token = randomUUID();
  const { rows } = await db.raw(
    `with claimed as (
       update document_versions
          set status = 'parsing', lease_token = ?, lease_until = ${leaseUntil}, attempts = attempts + 1, error = null, updated_at = now()
         from ${unhurried}
        where document_id = ? and version = ?
          and (status = 'queued' or (status = 'parsing' and lease_until < now()))
        returning attempts, content_type as "contentType", file_name as "fileName", text, priority, attributes, turn,
                  source_hash as "sourceHash", pii_policy as "piiPolicy", pii,
                  fetch_url as "fetchUrl", fetched_at is not null as fetched),
     passed as (update fair_clocks set clock = turn from claimed where queue = 'ingestion' and clock < turn)
     select * from claimed`,
    [token, key.documentId, key.version],
  );
  return rows[0] && { ...rows[0], token };
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

/**
 * The end of a version that could not be ingested; a version that ended meanwhile stays as it is. Chunks and vectors that it
 * has are kept, unseen by search, for the stage that failed to be tried again: see `sweepLeftChunks`.
 */
export async function failVersion(db: Db, key: VersionKey, error: ErrorSummary): Promise<boolean> {
  const failed = await db('document_versions')
    .where(where(key))
    .whereIn('status', ['queued', 'parsing', 'embedding'])
    .update({
      status: 'failed',
      failed_in: db.raw(`case status when 'embedding' then 'embedding' else 'parsing' end`),
      error: JSON.stringify(error),
      lease_token: null,
      lease_until: null,
      updated_at: db.fn.now(),
    });
  return failed > 0;
}

/** A version that goes live takes as long as it has chunks: other deliveries of it give way, not to fill all places of a worker. */
const goingLive = "hashtextextended(:documentId::text || ' ' || :version::text, 4207041)";
const tryGoingLive = `pg_try_advisory_xact_lock(${goingLive})`;

/**
 * Whether somebody is making the version live this moment: nothing of it is left to embed then. A lock's 64 bits are two numbers
 * in the list of locks.
 */
export async function isGoingLive(db: Db, { documentId, version }: VersionKey): Promise<boolean> {
  const { rows } = await db.raw(
    `select from (select ${goingLive} as id) as k, pg_locks l
      where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
        and l.database = (select oid from pg_database where datname = current_database())
        and (l.classid::bigint << 32) | l.objid::bigint = k.id`,
    { documentId, version },
  );
  return rows.length > 0;
}

/**
 * Makes a fully embedded version the live one: previous chunks go, its own become findable, statistics and attributes
 * follow, in one transaction. False when a chunk still lacks its vector of the live generation or the version is not waiting
 * for it, or somebody else is making it live. Generations are held shared: none is switched to, or counted complete, while chunks
 * become live beside it.
 */
export async function makeLive(db: Knex, key: VersionKey): Promise<boolean> {
  if (await makeLiveAtOnce(db, key)) return true;
  return db.transaction(async (trx) => {
    const held = await trx.raw(
      `select model, status from embedding_generations where status in ${keptStatuses} order by id for share`,
    );
    const live = held.rows.find(({ status }: { status: string }) => status === 'live');
    if (!live) return false;
    const complete = `from documents d join document_versions v on v.document_id = d.id and v.version = d.version
        where d.id = ? and v.version = ? and v.status = 'embedding' and d.deleted_at is null
          and not exists (
            select 1 from chunks c left join chunk_vectors x on x.chunk_seq = c.seq and x.model = ?
             where c.document_id = d.id and c.version = v.version and x.chunk_seq is null)`;
    const of = [key.documentId, key.version, live.model];
    // Looked at before the lock is asked for, so that whoever holds it has seen all vectors, and nobody gives way for nothing.
    if ((await trx.raw(`select ${complete}`, of)).rows.length === 0) return false;
    if (!(await trx.raw(`select ${tryGoingLive} as held`, { ...key })).rows[0].held) return false;
    const { rows } = await trx.raw(
      `select exists (select from chunks c where c.document_id = d.id and c.version <> v.version) as "hasOthers",
              v.attributes, v.node_id as "nodeId", ${holdsPii} as "holdsPii" ${complete}
        for update of d, v`,
      of,
    );
    if (rows.length === 0) return false;
    const [found] = rows;
    const gone = found.hasOthers
      ? await removeChunks(trx, key.documentId, key.version)
      : { chunks: 0, words: 0 };
    const added = await publishChunks(trx, key);
    await applyAttributes(trx, key, found);
    await trx('document_versions')
      .where(where(key))
      .update({ status: 'ready', error: null, updated_at: trx.fn.now() });
    if (found.holdsPii) await forgetBytes(trx, key);
    await changeCorpus(trx, { chunks: added.chunks - gone.chunks, words: added.words - gone.words });
    return true;
  });
}

interface Extent {
  chunks: number;
  words: number;
}

/**
 * Deletes a document's chunks but those of `keep`, with their postings; their vectors are kept aside for the same texts.
 * Returns what was live of them.
 */
export async function removeChunks(
  trx: Knex.Transaction,
  documentId: string,
  keep: number | null,
): Promise<Extent> {
  await keepVectors(trx, documentId, keep);
  const { rows } = await trx.raw(
    `with gone as (delete from chunks where document_id = ? and (?::int is null or version <> ?) returning live, word_count)
     select count(*)::int as chunks, coalesce(sum(word_count), 0)::int as words from gone where live`,
    [documentId, keep, keep],
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
