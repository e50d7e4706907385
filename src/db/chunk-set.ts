import type { Sql } from './search.ts';

/**
 * Chunk numbers as one bit each from `first` on, the lowest of a byte first, as Postgres' `get_bit` counts them: whether a
 * chunk is among a hundred thousand others is then asked of memory, where a lookup goes through two indexes.
 */
export interface ChunkSet {
  first: number;
  last: number;
  count: number;
  bits: Buffer;
}

/** A set may be so many bytes: sent with each statement, it has to cost less than what it saves. */
const mostBytes = 4 * 2 ** 20;

/** Undefined for none at all, and where the numbers lie so far apart that their bits would be too many. */
export function toChunkSet(seqs: readonly number[]): ChunkSet | undefined {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const seq of seqs) {
    if (seq < first) first = seq;
    if (seq > last) last = seq;
  }
  const bytes = Math.ceil((last - first + 1) / 8);
  if (seqs.length === 0 || bytes > mostBytes) return undefined;
  const bits = Buffer.alloc(bytes);
  for (const seq of seqs) {
    const place = seq - first;
    const byte = Math.floor(place / 8);
    bits[byte] = (bits[byte] as number) | (1 << (place % 8));
  }
  return { first, last, count: seqs.length, bits };
}

/** A condition on a column of chunk numbers. `get_bit` fails beyond the bits, so what is outside is not asked about. */
export function inChunkSet({ first, last, bits }: ChunkSet, column: string): Sql {
  return {
    sql: `case when ${column} between :firstChunk::bigint and :lastChunk::bigint
               then get_bit(:chunkBits::bytea, ${column} - :firstChunk::bigint) = 1 else false end`,
    bindings: { firstChunk: first, lastChunk: last, chunkBits: bits },
  };
}
