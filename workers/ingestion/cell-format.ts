import { readXml } from './read-xml.ts';

/** How a number in a cell is meant: as itself, a share, or a point in time. */
export type CellKind = 'number' | 'percent' | 'date' | 'time';

/** Built-in formats that show dates or times (ECMA-376 part 1, 18.8.30; the East Asian ones included). */
const builtIn: [from: number, to: number, kind: CellKind][] = [
  [9, 10, 'percent'],
  [14, 17, 'date'],
  [18, 21, 'time'],
  [22, 22, 'date'],
  [27, 31, 'date'],
  [32, 35, 'time'],
  [36, 36, 'date'],
  [45, 47, 'time'],
  [50, 58, 'date'],
];

/** What the cells of each style index are, from the workbook's styles part. */
export async function cellKinds(styles: AsyncIterable<Uint8Array>): Promise<CellKind[]> {
  const custom = new Map<string, CellKind>();
  const kinds: CellKind[] = [];
  let inCells = false;
  await readXml(styles, {
    open(tag) {
      if (tag.name === 'numFmt')
        custom.set(tag.attribute('numFmtId') ?? '', kindOfCode(tag.attribute('formatCode') ?? ''));
      if (tag.name === 'cellXfs') inCells = true;
      if (tag.name !== 'xf' || !inCells) return;
      const id = tag.attribute('numFmtId') ?? '0';
      const known = builtIn.find(([from, to]) => Number(id) >= from && Number(id) <= to)?.[2];
      kinds.push(custom.get(id) ?? known ?? 'number');
    },
    close(name) {
      if (name === 'cellXfs') inCells = false;
    },
  });
  return kinds;
}

function kindOfCode(code: string): CellKind {
  // Quoted and escaped characters stand for themselves, brackets hold colours, conditions and locales.
  const [first = ''] = code.replace(/"[^"]*"|\\.|_.|\*./g, '').split(';');
  const marks = first.replace(/\[(?![hms]+\])[^\]]*\]/gi, '').toLowerCase();
  if (/[yd]|m{3,}/.test(marks) || /^[^hs]*m[^hs]*$/.test(marks.replace(/[^a-z]/g, ''))) return 'date';
  if (/[hs]/.test(marks)) return 'time';
  return marks.includes('%') ? 'percent' : 'number';
}

const dayMs = 86_400_000;

/** A number as its reader sees it, dates in ISO 8601. `date1904`: the workbook counts days from 1904 instead of 1900. */
export function cellText(raw: string, kind: CellKind, date1904: boolean): string {
  const value = Number(raw);
  if (raw.trim() === '' || !Number.isFinite(value)) return raw;
  if (kind === 'date' || kind === 'time') return dateText(value, kind, date1904) ?? raw;
  // Fifteen digits are what a cell keeps; the rest is how binary fractions come out.
  if (kind === 'percent') return `${Number((value * 100).toPrecision(12))}%`;
  return String(Number(value.toPrecision(15)));
}

/** Days since 30 December 1899, so that the 29 February 1900 that Excel counts falls out after that day. */
function dateText(serial: number, kind: CellKind, date1904: boolean): string | undefined {
  const days = serial + (date1904 ? 1462 : 0);
  if (days < 0 || days >= 2_958_466) return undefined;
  const iso = new Date(Date.UTC(1899, 11, 30) + Math.round((days * dayMs) / 1000) * 1000).toISOString();
  if (kind === 'time' && days < 1) return iso.slice(11, 19);
  return days % 1 === 0 ? iso.slice(0, 10) : iso.slice(0, 19).replace('T', ' ');
}
