import { attributesAsColumns } from './accept-documents.ts';
import type { Db } from './connect.ts';
import { keptStatuses } from './generations.ts';
import { holdsPii } from './originals.ts';
import type { VersionKey } from './versions.ts';

/** Of more chunks the postings would be held in memory, or on disk, only to be counted. */
const mostChunks = 1000;

/**
 * What `makeLive` does, in one statement, for what most documents are: not long, and nothing of theirs is there yet to give way.
 * Of a document of twenty chunks the way to the database and back was as long as its postings took. False says nothing:
 * the version may be another case, lack a vector or be live already.
 *
 * The row of the corpus is changed once the postings are there (`extent` reads them), so that others wait for no more than
 * their counts.
 */
export async function makeLiveAtOnce(db: Db, { documentId, version }: VersionKey): Promise<boolean> {
  const { rows } = await db.raw(
    `with kept as materialized (
       select model, status from embedding_generations where status in ${keptStatuses} order by id for share),
     ready as materialized (
       select d.id, v.version, v.attributes
         from kept g, documents d join document_versions v on v.document_id = d.id and v.version = d.version
        where g.status = 'live' and d.id = :documentId and v.version = :version and v.status = 'embedding' and d.deleted_at is null
          and v.chunk_count <= ${mostChunks} and v.node_id is null and (${holdsPii}) is not true
          and not exists (select from document_nodes n where n.document_id = d.id and n.source = 'given')
          and not exists (select from chunks c where c.document_id = d.id and c.version <> v.version)
          and not exists (
            select from chunks c where c.document_id = d.id and c.version = v.version
               and (select x.chunk_seq from chunk_vectors x where x.model = g.model and x.chunk_seq = c.seq) is null)
          for update of d, v),
     published as (
       update chunks c set live = true from ready r where c.document_id = r.id and c.version = r.version and not c.live
       returning c.seq, c.words, c.frequencies, c.word_count),
     posted as (
       insert into postings (word, chunk_seq, frequency, word_count)
       select w.word, p.seq, w.frequency, p.word_count
         from published p cross join lateral unnest(p.words, p.frequencies) as w(word, frequency)
        order by w.word collate "C", p.seq
       returning 1),
     described as (
       update documents d set ${attributesAsColumns('r.attributes')}, live_version = r.version, updated_at = now()
         from ready r where d.id = r.id),
     ended as (
       update document_versions v set status = 'ready', error = null, updated_at = now()
         from ready r where v.document_id = r.id and v.version = r.version),
     extent as (
       select (select count(*) from posted) as postings, count(*) as chunks, coalesce(sum(word_count), 0) as words from published)
     update corpus_state s set version = s.version + 1, live_chunks = s.live_chunks + e.chunks, live_words = s.live_words + e.words
       from extent e, ready r
     returning s.version`,
    { documentId, version },
  );
  return rows.length > 0;
}
