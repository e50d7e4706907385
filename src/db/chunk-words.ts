import type { Db } from './connect.ts';
import { arrayOf } from './search.ts';

export interface ChunkWords {
  seq: number;
  words: string[];
  /** Of the words, in their order. */
  frequencies: number[];
}

/** Index words of live chunks, in no order; one that is gone is left out. */
export async function readChunkWords(db: Db, seqs: readonly number[]): Promise<ChunkWords[]> {
  const { rows } = await db.raw(
    'select seq, words, frequencies from chunks where seq = any(?::bigint[]) and live',
    [arrayOf(seqs)],
  );
  return rows;
}
