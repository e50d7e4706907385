import type { Knex } from 'knex';
import type { Db } from './connect.ts';
import type { ClaimedChunk, ClaimedChunks } from './embeddings.ts';
import { keptStatuses } from './generations.ts';
import { leaseUntil, unhurried } from './lease.ts';

/**
 * Of texts, by their hash (hex), those that nobody else is asking `model` about: they are this token's until its lease ends.
 * Whoever stores vectors gives the texts back only afterwards, so who takes one next finds its vector.
 */
export async function claimTexts(
  db: Db,
  token: string,
  model: string,
  hashes: readonly string[],
): Promise<Set<string>> {
  // In one order for all: two who want the same texts must not wait for each other.
  const sorted = [...new Set(hashes)].sort();
  const { rows } = await db.raw(
    `insert into embedding_claims (model, text_hash, token, until)
     select ?, decode(hash, 'hex'), ?, ${leaseUntil} from unnest(?::text[]) with ordinality as h(hash, n), ${unhurried} order by n
     on conflict (model, text_hash) do update set token = excluded.token, until = excluded.until
       where embedding_claims.until < now() returning encode(text_hash, 'hex') as hash`,
    [model, token, sorted],
  );
  return new Set(rows.map(({ hash }: { hash: string }) => hash));
}

export async function releaseTexts(db: Db, token: string): Promise<void> {
  await db('embedding_claims').where({ token }).delete();
}

/**
 * Gives claimed chunks the vectors that `model` made for the very same text before: of whichever document, or kept of a
 * version that was replaced. Returns the `seq` of the chunks that have one now.
 */
export async function adoptVectors(
  db: Db,
  { token, chunks }: ClaimedChunks,
  model: string,
  hashes: readonly string[],
): Promise<Set<number>> {
  const { rows } = await db.raw(
    `with kept as (select model from embedding_generations where model = :model and status in ${keptStatuses} for share)
     insert into chunk_vectors (chunk_seq, model, embedding)
     select c.seq, kept.model, known.embedding
       from kept, ${unhurried}, unnest(:seqs::bigint[], :hashes::text[]) as h(seq, hash)
       join chunks c on c.seq = h.seq and c.embed_token = :token
       cross join lateral (
         select embedding from (
           select x.embedding from chunks o join chunk_vectors x on x.chunk_seq = o.seq and x.model = :model
            where o.text_hash = decode(h.hash, 'hex')
           union all
           select k.embedding from kept_vectors k where k.text_hash = decode(h.hash, 'hex') and k.model = :model) as same
          limit 1) as known
     on conflict (model, chunk_seq) do nothing returning chunk_seq`,
    { model, token, seqs: chunks.map(({ seq }) => seq), hashes: [...hashes] },
  );
  return new Set(rows.map(({ chunk_seq }: { chunk_seq: number }) => chunk_seq));
}

/**
 * Keeps the vectors of a document's chunks that are about to go, of every version but `except`, for texts that come again:
 * another version, a restore, another document. What chunks of `except` hold anyway is not kept twice.
 */
export async function keepVectors(
  trx: Knex.Transaction,
  documentId: string,
  except: number | null,
): Promise<void> {
  await trx.raw(
    `insert into kept_vectors (document_id, version, model, text_hash, embedding)
     select c.document_id, c.version, x.model, c.text_hash, x.embedding
       from chunks c join chunk_vectors x on x.chunk_seq = c.seq
      where c.document_id = :id and c.text_hash is not null and c.version is distinct from :except::int
        and not exists (
          select from chunks n join chunk_vectors y on y.chunk_seq = n.seq and y.model = x.model
           where n.document_id = :id and n.version = :except::int and n.text_hash = c.text_hash)
     on conflict do nothing`,
    { id: documentId, except },
  );
}

/**
 * Keeps vectors that came too late: their chunks, of a version that was replaced while the model was asked, are gone. What
 * has its chunk still, or no version any more, is left alone.
 */
export async function keepLateVectors(
  db: Db,
  model: string,
  made: readonly { chunk: ClaimedChunk; hash: string; vector: Float32Array }[],
): Promise<void> {
  await db.raw(
    `with kept as (select model from embedding_generations where model = ? and status in ${keptStatuses} for share)
     insert into kept_vectors (document_id, version, model, text_hash, embedding)
     select v.document_id, v.version, kept.model, decode(m.hash, 'hex'), m.embedding::vector
       from kept, unnest(?::bigint[], ?::uuid[], ?::int[], ?::text[], ?::text[]) as m(seq, document_id, version, hash, embedding)
       join document_versions v on v.document_id = m.document_id and v.version = m.version
      where not exists (select from chunks c where c.seq = m.seq)
     on conflict do nothing`,
    [
      model,
      made.map(({ chunk }) => chunk.seq),
      made.map(({ chunk }) => chunk.documentId),
      made.map(({ chunk }) => chunk.version),
      made.map(({ hash }) => hash),
      made.map(({ vector }) => `[${vector.join(',')}]`),
    ],
  );
}

/** Removes kept vectors that no search could use any more, and claims that ended long ago. */
export async function sweepKeptVectors(db: Db): Promise<number> {
  await db('embedding_claims').where('until', '<', db.raw(`now() - interval '1 hour'`)).delete();
  const { rowCount } = await db.raw(
    `delete from kept_vectors k
      where not exists (select from embedding_generations g
                         where g.model = k.model and g.status not in ('reclaiming', 'reclaimed'))`,
  );
  return rowCount ?? 0;
}
