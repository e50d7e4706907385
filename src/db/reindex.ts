import type { Knex } from 'knex';
import type { ChunkToEmbed } from './embeddings.ts';
import { changeCorpus } from './versions.ts';

/** Live chunks whose words an analyzer older than `analyzer` has made, with what they are indexed by; the oldest first. */
export async function readStaleChunks(db: Knex, analyzer: number, limit: number): Promise<ChunkToEmbed[]> {
  const { rows } = await db.raw(
    `select c.seq, c.heading, c.context, c.text, coalesce(v.attributes->>'title', v.found->>'title') as title
       from chunks c join document_versions v on v.document_id = c.document_id and v.version = c.version
      where c.live and c.analyzer < ? order by c.analyzer, c.seq limit ?`,
    [analyzer, limit],
  );
  return rows;
}

export interface ChunkWords {
  seq: number;
  words: string[];
  frequencies: number[];
  wordCount: number;
}

/**
 * Gives live chunks their new words and postings, with the sums of the corpus, in one transaction. A chunk that is going, gone
 * or done already is left alone: waiting for whoever holds it could be a deadlock. Returns how many were changed.
 */
export async function storeWords(db: Knex, analyzer: number, chunks: readonly ChunkWords[]): Promise<number> {
  return db.transaction(async (trx) => {
    // The lock that all who change the corpus share.
    await trx.raw('select from corpus_state for update');
    const { rows } = await trx.raw(
      `with new as (select * from jsonb_to_recordset(?::jsonb) as n(seq bigint, words text[], frequencies smallint[], "wordCount" integer)),
            old as (select c.seq, c.word_count from chunks c join new on new.seq = c.seq
                      where c.live and c.analyzer < ? for update of c skip locked)
       update chunks c set words = new.words, frequencies = new.frequencies, word_count = new."wordCount", analyzer = ?
         from new, old where c.seq = new.seq and c.seq = old.seq
       returning c.seq, c.word_count - old.word_count as longer`,
      [JSON.stringify(chunks), analyzer, analyzer],
    );
    const seqs = rows.map(({ seq }: { seq: number }) => seq);
    await trx.raw('delete from postings where chunk_seq = any(?::bigint[])', [seqs]);
    await trx.raw(
      `insert into postings (word, chunk_seq, frequency, word_count)
       select w.word, c.seq, w.frequency, c.word_count
         from chunks c cross join lateral unnest(c.words, c.frequencies) as w(word, frequency) where c.seq = any(?::bigint[])`,
      [seqs],
    );
    const words = rows.reduce((sum: number, { longer }: { longer: number }) => sum + longer, 0);
    if (rows.length > 0) await changeCorpus(trx, { chunks: 0, words });
    return rows.length;
  });
}
