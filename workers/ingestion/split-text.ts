import type { ChunkRange, Heading, PageRange, ParsedDocument } from './parsed-document.ts';
import { type TextUnit, unitsOf } from './text-units.ts';

export interface SplitOptions {
  /** Most tokens of a chunk, as `countTokens` estimates them. */
  size?: number;
  /** Most tokens that a chunk repeats from the end of the one before, in whole sentences; less than `size`. */
  overlap?: number;
  /** Every line is a record (a row of a table file), to be kept whole. */
  records?: boolean;
}

/**
 * Cuts a document into chunks of whole sentences, tables and code blocks. Every character but white space is in at least
 * one chunk; `text.slice(start, end)` begins and ends with none. A heading, a lead-in and a header row stay with what follows
 * them. A chunk that is half full ends before a heading and before a list that fits the next one; overlap does not reach back
 * beyond the last heading. A table or code beyond `size` is cut between its lines, and a chunk that begins amid a table or a
 * list knows header row and lead-in as its `context`. Only a sentence or row beyond `size` is cut, at white space, and only
 * a word beyond `size` between graphemes. Deterministic, linear in the text's length.
 *
 * @throws RangeError when `overlap` is not below `size` or either is no sensible number
 */
export function splitText(
  document: Pick<ParsedDocument, 'text' | 'pages' | 'headings'>,
  { size = 500, overlap = 128, records = false }: SplitOptions = {},
): ChunkRange[] {
  if (!(size >= 16 && overlap >= 0 && overlap < size)) {
    throw new RangeError(
      `size must be at least 16 and overlap from 0 to below size: got ${size} and ${overlap}`,
    );
  }
  const units = unitsOf(document.text, size * 100, records);
  const pageAt = pageFinder(document.pages);
  const headingAt = headingFinder(document.text, document.headings);
  return packs(units, sectionStarts(units, document.headings), size * 100, overlap * 100).map(
    ([from, to]) => {
      const first = unitAt(units, from);
      const start = first.start;
      return {
        start,
        end: unitAt(units, to - 1).end,
        page: pageAt(start),
        heading: headingAt(first.end),
        context: contextOf(document.text, first),
      };
    },
  );
}

/** Units [from, to) of each chunk. */
function packs(
  units: readonly TextUnit[],
  opens: ReadonlySet<number>,
  size: number,
  overlap: number,
): [number, number][] {
  const sums = [0];
  for (const unit of units) sums.push((sums.at(-1) ?? 0) + unit.cost);
  const cost = (from: number, to: number): number => (sums[to] ?? 0) - (sums[from] ?? 0);
  const result: [number, number][] = [];
  let from = 0;
  // The first unit that no chunk has yet.
  let fresh = 0;
  for (let next = 0; next < units.length; next += 1) {
    const full = cost(from, next + 1) > size;
    const { groupCost = 0 } = unitAt(units, next);
    const newSection = opens.has(next) || (groupCost <= size && cost(from, next) + groupCost > size);
    const halfFull = cost(from, next) * 2 >= size;
    if (next === fresh || !(full || (newSection && halfFull))) continue;
    let to = next;
    const leadsOn = (i: number): boolean => opens.has(i) || unitAt(units, i).leads === true;
    while (to - 1 > fresh && leadsOn(to - 1) && cost(to - 1, next + 1) <= size) to -= 1;
    // A table of contents is nothing but headings: what would leave little in the chunk is no reason to end it.
    if (cost(from, to) * 4 < size && cost(to, next) * 4 >= size) to = next;
    result.push([from, to]);
    const least = from + 1;
    from = to;
    while (
      from > least &&
      !opens.has(from) &&
      cost(from - 1, to) <= overlap &&
      cost(from - 1, next + 1) <= size
    )
      from -= 1;
    fresh = to;
  }
  if (fresh < units.length) result.push([from, units.length]);
  return result;
}

/** Indices of the units that hold the start of a heading. */
function sectionStarts(units: readonly TextUnit[], headings: readonly Heading[]): Set<number> {
  const starts = new Set<number>();
  let i = 0;
  for (const { start } of headings) {
    while (i < units.length && unitAt(units, i).end <= start) i += 1;
    if (i < units.length) starts.add(i);
  }
  return starts;
}

/** Page of an offset; offsets must come in ascending order. */
function pageFinder(pages: readonly PageRange[]): (offset: number) => number | null {
  let i = 0;
  return (offset) => {
    while (i < pages.length && (pages[i]?.end ?? 0) <= offset) i += 1;
    return pages[i]?.page ?? pages.at(-1)?.page ?? null;
  };
}

/** The headings above an offset, outermost first; offsets must come in ascending order. */
function headingFinder(text: string, headings: readonly Heading[]): (offset: number) => string | null {
  const path: Heading[] = [];
  let i = 0;
  return (offset) => {
    for (let next = headings[i]; next !== undefined && next.start < offset; i += 1, next = headings[i]) {
      while ((path.at(-1)?.level ?? 0) >= next.level) path.pop();
      path.push(next);
    }
    return path.length === 0 ? null : path.map((heading) => headingText(text, heading)).join(' › ');
  };
}

/** Lead-in and header row of what the unit is in the midst of. */
function contextOf(text: string, { context = [] }: TextUnit): string | null {
  const lines = context.map(({ start, end }) => text.slice(start, end).replace(/\s+/g, ' '));
  return lines.length === 0 ? null : lines.join('\n');
}

/** A paragraph styled as a heading by mistake must not outweigh the chunk it stands above. */
function headingText(text: string, { start, end }: Heading): string {
  const words = text
    .slice(start, end)
    .replace(/\s+/g, ' ')
    .replace(/\*\*|`/g, '')
    .trim();
  return words.length <= 120 ? words : `${words.slice(0, 119).replace(/[\ud800-\udbff]$/, '')}…`;
}

function unitAt(units: readonly TextUnit[], index: number): TextUnit {
  const unit = units[index];
  if (unit === undefined) throw new RangeError(`no unit ${index}`);
  return unit;
}
