import { randomUUID } from 'node:crypto';
import type { ErrorSummary } from '../errors.ts';
import type { ContextualChunk } from '../text/passage-text.ts';
import type { Db } from './connect.ts';
import { encodeFloats } from './float-array.ts';
import { keptStatuses } from './generations.ts';
import { leaseLost, leaseUntil, unhurried } from './lease.ts';
import type { VersionKey } from './versions.ts';

export interface ChunkToEmbed extends ContextualChunk {
  seq: number;
}

export interface ClaimedChunk extends ChunkToEmbed {
  documentId: string;
  version: number;
  /** Its place in the version. */
  n: number;
}

export interface ClaimedChunks {
  token: string;
  chunks: ClaimedChunk[];
}

/**
 * Takes the next chunks of the version, behind number `after`, that have no vector of `model` and that nobody is embedding. To begin
 * at the first each time would look at all that have theirs again for every batch.
 */
export async function claimChunks(
  db: Db,
  key: VersionKey,
  model: string,
  limit: number,
  after = -1,
): Promise<ClaimedChunks> {
  const token = randomUUID();
  const { rows } = await db.raw(
    `with mine as (
       select c.seq from chunks c
         join document_versions v on v.document_id = c.document_id and v.version = c.version and v.status in ('embedding', 'ready')
         left join chunk_vectors x on x.chunk_seq = c.seq and x.model = ?
        where c.document_id = ? and c.version = ? and c.n > ? and x.chunk_seq is null
          and (c.embed_until is null or c.embed_until < now())
        order by c.n limit ? for update of c skip locked)
     update chunks c set embed_token = ?, embed_until = ${leaseUntil} from mine, document_versions v, ${unhurried}
      where c.seq = mine.seq and v.document_id = c.document_id and v.version = c.version
     returning c.seq, c.document_id as "documentId", c.version, c.n, c.heading, c.context, c.text,
               coalesce(v.attributes->>'title', v.found->>'title') as title`,
    [model, key.documentId, key.version, after, limit, token],
  );
  rows.sort((a: { n: number }, b: { n: number }) => a.n - b.n);
  return { token, chunks: rows };
}

export interface MadeVector {
  chunk: ClaimedChunk;
  /** Of the text that stands for the chunk before the model, hex. */
  hash: string;
  vector: Float32Array;
}

/**
 * Stores vectors of claimed chunks, and gives the chunks and the token's texts back with it: whoever waits for a text finds its
 * vector. A chunk that was deleted or taken over meanwhile is left alone, and nothing is stored once the model's generation is
 * being taken away: the lock on its row makes the taking away wait for what is stored here. Returns how many were stored.
 */
export async function saveVectors(
  db: Db,
  token: string,
  model: string,
  made: readonly MadeVector[],
): Promise<number> {
  const { rows } = await db.raw(
    `with made as materialized (
       select m.seq, m.hash, v.floats[(m.i - 1) * :dimensions::int + 1 : m.i * :dimensions::int]::vector as embedding
         from (select :vectors::float4[] as floats) as v,
              unnest(:seqs::bigint[], :hashes::text[]) with ordinality as m(seq, hash, i), ${unhurried}),
     kept as (select model from embedding_generations where model = :model and status in ${keptStatuses} for share),
     saved as (
       insert into chunk_vectors (chunk_seq, model, embedding)
       select c.seq, kept.model, m.embedding
         from kept, made m join chunks c on c.seq = m.seq and c.embed_token = :token
       on conflict (model, chunk_seq) do nothing returning 1),
     released as (
       update chunks c set embed_until = null, embed_token = null, text_hash = decode(m.hash, 'hex')
         from made m where c.seq = m.seq and c.embed_token = :token),
     texts as (delete from embedding_claims where token = :token)
     select count(*)::int as saved from saved`,
    {
      token,
      model,
      seqs: made.map(({ chunk }) => chunk.seq),
      hashes: made.map(({ hash }) => hash),
      vectors: encodeFloats(made.map(({ vector }) => vector)),
      dimensions: made[0]?.vector.length ?? 0,
    },
  );
  return rows[0].saved;
}

/** Says on the version why its vectors are not there yet. */
export async function noteEmbeddingFailure(
  db: Db,
  { documentId, version }: VersionKey,
  error: ErrorSummary,
): Promise<void> {
  await db('document_versions')
    .where({ document_id: documentId, version, status: 'embedding' })
    .update({
      error: JSON.stringify(error),
      embed_failures: db.raw('embed_failures + 1'),
      updated_at: db.fn.now(),
    });
}

/** Extends the claim. Throws `lease_lost` when others have taken all of the chunks over. */
export async function extendClaim(db: Db, { token, chunks }: ClaimedChunks): Promise<void> {
  await db('embedding_claims')
    .where({ token })
    .update({ until: db.raw(leaseUntil) });
  const extended = await db('chunks')
    .whereIn('seq', seqsOf(chunks))
    .where('embed_token', token)
    .update({ embed_until: db.raw(leaseUntil) });
  if (extended === 0) throw leaseLost();
}

/**
 * Gives claimed chunks back at once, with the hash (hex) of the text that stands for each before the model. They are looked up
 * by their key: by the token alone every chunk there is would be read.
 */
export async function releaseChunks(
  db: Db,
  { token, chunks }: ClaimedChunks,
  hashes: readonly string[],
): Promise<void> {
  await db.raw(
    `update chunks c set embed_until = null, embed_token = null, text_hash = decode(h.hash, 'hex')
       from unnest(?::bigint[], ?::text[]) as h(seq, hash) where c.seq = h.seq and c.embed_token = ?`,
    [seqsOf(chunks), [...hashes], token],
  );
}

function seqsOf(chunks: readonly ChunkToEmbed[]): number[] {
  return chunks.map(({ seq }) => seq);
}
