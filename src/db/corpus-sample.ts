import type { ChunkContext, ContextualChunk } from '../text/passage-text.ts';
import type { Db } from './connect.ts';

export interface SampledChunk extends ContextualChunk {
  seq: number;
}

const sampled = 500;
const withTitle = `join document_versions v on v.document_id = c.document_id and v.version = c.version`;
const title = `coalesce(v.attributes->>'title', v.found->>'title')`;
/** Columns that `passageText` puts before a chunk's text. */
const above: Record<ChunkContext, string> = {
  off: '',
  title: `${title}, `,
  headings: `${title}, c.heading, c.context, `,
};

/**
 * Live chunks without a vector of the model: how many, their length in characters as the model would read them, and every
 * n-th of them.
 */
export async function readCorpusSample(
  db: Db,
  model: string,
  context: ChunkContext,
): Promise<{ chunks: number; characters: number; sample: SampledChunk[] }> {
  const { rows } = await db.raw(
    `select count(*)::int as chunks,
            coalesce(sum(char_length(concat_ws(E'\\n', ${above[context]}c.text))), 0)::bigint as characters
       from chunks c ${withTitle} left join chunk_vectors x on x.chunk_seq = c.seq and x.model = ?
      where c.live and x.chunk_seq is null`,
    [model],
  );
  const { chunks, characters } = rows[0];
  return { chunks, characters, sample: await sampleChunks(db, model, chunks, sampled) };
}

async function sampleChunks(db: Db, model: string, of: number, count: number): Promise<SampledChunk[]> {
  const { rows } = await db.raw(
    `select seq, title, heading, context, text from (
       select c.seq, ${title} as title, c.heading, c.context, c.text, row_number() over (order by c.seq) as n
         from chunks c ${withTitle} left join chunk_vectors x on x.chunk_seq = c.seq and x.model = ?
        where c.live and x.chunk_seq is null) as missing
      where (n - 1) % ? = 0 order by n limit ?`,
    [model, Math.max(1, Math.ceil(of / count)), count],
  );
  return rows;
}

/** Live chunks spread evenly over the corpus, at most `count`. */
export async function readProbeChunks(db: Db, count: number): Promise<{ seq: number; text: string }[]> {
  const { rows } = await db.raw(
    `select seq, text from (select seq, text, row_number() over (order by seq) as n, count(*) over () as total
                              from chunks where live) as numbered
      where (n - 1) % greatest(1, ceil(total::float8 / ?)::bigint) = 0 order by n limit ?`,
    [count, count],
  );
  return rows;
}

/** The latest distinct questions that were asked of the service. */
export async function readRecentQuestions(db: Db, count: number): Promise<string[]> {
  const { rows } = await db.raw(
    `select question from answers group by question order by max(created_at) desc limit ?`,
    [count],
  );
  return rows.map((row: { question: string }) => row.question);
}
