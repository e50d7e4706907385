import type { PassageRow } from '../db/search.ts';
import type { Candidate } from './strategy.ts';

/** A chunk that search found. */
export interface FoundChunk extends Omit<Candidate, 'seq'> {
  row: PassageRow;
}

/** What of a chunk it takes to put it beside another one. */
export type ChunkPart = Pick<
  PassageRow,
  'chunkId' | 'n' | 'start' | 'end' | 'page' | 'heading' | 'context' | 'gap' | 'text'
>;

/** Chunks of one version that follow each other, around the best of them. */
export interface Stretch {
  best: FoundChunk;
  /** In their order, none missing in between. */
  chunks: ChunkPart[];
}

/** Most characters of a joined passage, about two pages. A single chunk may be longer. */
export const longestStretch = 8_000;

export function alone(found: FoundChunk): Stretch {
  return { best: found, chunks: [found.row] };
}

/** The key of the n-th chunk of the same version. */
export function keyOf(
  { documentId, version }: Pick<PassageRow, 'documentId' | 'version'>,
  n: number,
): string {
  return `${documentId} ${version} ${n}`;
}

export function firstOf({ chunks }: Stretch): ChunkPart {
  return chunks[0] as ChunkPart;
}

export function lastOf({ chunks }: Stretch): ChunkPart {
  return chunks.at(-1) as ChunkPart;
}

/**
 * Whether `after` may be put behind `before`, the chunk that precedes it in its version: what stands between them must be
 * known (it is not for chunks of before it was stored), and the whole not too long.
 */
export function fits(before: ChunkPart, after: ChunkPart, start: number, end: number): boolean {
  return (after.start < before.end || after.gap !== null) && end - start <= longestStretch;
}

/**
 * Found chunks, best first, as stretches: one that follows or precedes a better one joins it. Ends before the chunk that
 * would begin a stretch beyond the first `enough`. Order and scores are those of the best chunk of each.
 */
export function joinNeighbours(found: Iterable<FoundChunk>, enough: number): Stretch[] {
  const stretches = new Set<Stretch>();
  const holders = new Map<string, Stretch>();
  for (const chunk of found) {
    const { row } = chunk;
    let stretch = alone(chunk);
    const before = holders.get(keyOf(row, row.n - 1));
    const after = holders.get(keyOf(row, row.n + 1));
    for (const neighbour of [before, after]) {
      if (!neighbour) continue;
      const [better, other] =
        neighbour.best.score >= stretch.best.score ? [neighbour, stretch] : [stretch, neighbour];
      if (!join(better, other)) continue;
      stretches.delete(other);
      stretch = better;
    }
    if (!stretches.has(stretch) && stretches.size >= enough) break;
    stretches.add(stretch);
    for (const { n } of stretch.chunks) holders.set(keyOf(row, n), stretch);
  }
  return [...stretches];
}

/** Takes the second into the first, on whichever side it stands; false where they do not fit. */
function join(better: Stretch, other: Stretch): boolean {
  const [left, right] = firstOf(better).n < firstOf(other).n ? [better, other] : [other, better];
  if (!fits(lastOf(left), firstOf(right), firstOf(left).start, lastOf(right).end)) return false;
  better.chunks = [...left.chunks, ...right.chunks];
  return true;
}

/** The text of consecutive chunks with what stands between them, what they share once: exactly that of their version. */
export function textOf(chunks: readonly ChunkPart[]): string {
  let end = chunks[0]?.start ?? 0;
  let text = '';
  for (const chunk of chunks) {
    text +=
      text !== '' && chunk.start >= end
        ? `${chunk.gap ?? ''}${chunk.text}`
        : chunk.text.slice(Math.max(0, end - chunk.start));
    end = Math.max(end, chunk.end);
  }
  return text;
}
