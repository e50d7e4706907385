import type { Db } from '../db/connect.ts';
import { readChunksAround } from '../db/search.ts';
import type { Expand } from './passage.ts';
import { type ChunkPart, firstOf, fits, keyOf, lastOf, type Stretch } from './stretches.ts';

/** Chunks to look at on each side: of the smallest ones so many make a page. */
const reach: Record<Exclude<Expand, 'none'>, number> = { neighbours: 1, section: 12 };

/**
 * Small chunks find, larger passages are read: each stretch grows on both sides, the best first, and none takes a chunk that
 * another one has. `neighbours`: by the chunk before and the one after. `section`: by those under the same heading; where
 * a document has no headings, by its neighbours. Never beyond `longestStretch`. Returns how many chunks were added.
 */
export async function expandStretches(
  db: Db,
  stretches: readonly Stretch[],
  expand: Expand,
): Promise<number> {
  if (expand === 'none' || stretches.length === 0) return 0;
  const around = await readChunksAround(
    db,
    stretches.map((stretch) => ({
      ...{ documentId: stretch.best.row.documentId, version: stretch.best.row.version },
      ...{ from: firstOf(stretch).n - reach[expand], to: lastOf(stretch).n + reach[expand] },
    })),
  );
  const known = new Map(around.map((chunk) => [keyOf(chunk, chunk.n), chunk]));
  const taken = new Set(stretches.flatMap(({ best, chunks }) => chunks.map(({ n }) => keyOf(best.row, n))));
  let added = 0;
  for (const stretch of stretches) added += grow(stretch, expand, known, taken);
  return added;
}

/** One chunk on either side in turn, so that what was found stays in the middle. */
function grow(
  stretch: Stretch,
  expand: Expand,
  known: ReadonlyMap<string, ChunkPart>,
  taken: Set<string>,
): number {
  const { row } = stretch.best;
  const steps = expand === 'section' && row.heading !== null ? reach.section : reach.neighbours;
  const open = { before: steps, after: steps };
  let added = 0;
  while (open.before + open.after > 0) {
    for (const side of ['before', 'after'] as const) {
      if (open[side] === 0) continue;
      const key = keyOf(row, side === 'before' ? firstOf(stretch).n - 1 : lastOf(stretch).n + 1);
      const chunk = taken.has(key) ? undefined : known.get(key);
      if (!chunk || !belongs(chunk, row.heading, expand) || !put(stretch, chunk, side)) {
        open[side] = 0;
        continue;
      }
      taken.add(key);
      added += 1;
      open[side] -= 1;
    }
  }
  return added;
}

function belongs(chunk: ChunkPart, heading: string | null, expand: Expand): boolean {
  if (expand !== 'section' || heading === null) return true;
  return chunk.heading === heading || chunk.heading?.startsWith(`${heading} › `) === true;
}

function put(stretch: Stretch, chunk: ChunkPart, side: 'before' | 'after'): boolean {
  const first = firstOf(stretch);
  const last = lastOf(stretch);
  if (side === 'before') {
    if (!fits(chunk, first, chunk.start, last.end)) return false;
    stretch.chunks.unshift(chunk);
  } else {
    if (!fits(last, chunk, first.start, chunk.end)) return false;
    stretch.chunks.push(chunk);
  }
  return true;
}
