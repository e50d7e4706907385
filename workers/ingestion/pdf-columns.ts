/** A character with its extent on the page, in points; y grows upwards. */
export interface Glyph {
  index: number;
  /** Unicode code point. */
  code: number;
  left: number;
  right: number;
  bottom: number;
  top: number;
}

/** White space inside a line that is wider than between most words. */
interface Gap {
  /** Index of the character behind it. */
  index: number;
  line: number;
  left: number;
  right: number;
  /** Of the line's letters. */
  height: number;
  /** The line up to it. */
  before: string;
}

/** Width of a gap against the height of its line: from here on one where another line has a column begin just there … */
const wide = 1.5;
/** … and from here on one that lies over that of another line. Justified lines may stretch a space as far as between. */
const veryWide = 2.5;
/** How far beginnings of a column may be apart, against the height. */
const aligned = 0.3;
/** Lines within which another one must have a gap at the same place. */
const nearLines = 4;
/** The number or sign of a list item or a heading. */
const mark = /^(?:[^\p{L}]{1,3}|\(?\p{L}[.)])$/u;

/**
 * Where in a line the next column of a table begins: behind a wide gap below or above which another line has one as well. A
 * single wide gap is a signature line or a badly justified one, no table; nor is the space behind the number of a list item.
 *
 * @param glyphs in the order of the text
 * @returns indexes of characters, rising
 */
export function columnStarts(glyphs: readonly Glyph[]): number[] {
  const gaps = wideGaps(glyphs);
  return gaps
    .filter((gap, i) => {
      const alone = gaps[i - 1]?.line !== gap.line && gaps[i + 1]?.line !== gap.line;
      if (alone && mark.test(gap.before)) return false;
      return hasPartner(gaps, gap, i, 1) || hasPartner(gaps, gap, i, -1);
    })
    .map(({ index }) => index);
}

function wideGaps(glyphs: readonly Glyph[]): Gap[] {
  const gaps: Gap[] = [];
  let line = 0;
  let height = 0;
  let before = '';
  let last: Glyph | undefined;
  for (const glyph of glyphs) {
    const sameLine =
      last !== undefined &&
      glyph.left >= last.left &&
      Math.min(glyph.top, last.top) - Math.max(glyph.bottom, last.bottom) > -height / 2;
    if (!sameLine) {
      line += 1;
      height = 0;
      before = '';
    }
    // Commas and dashes are low: the tallest character of the line so far says how large its letters are.
    height = Math.max(height, glyph.top - glyph.bottom);
    if (sameLine && last !== undefined && glyph.left - last.right > height * wide)
      gaps.push({ index: glyph.index, line, left: last.right, right: glyph.left, height, before });
    // More than a mark needs not be known.
    if (before.length < 8) before += String.fromCodePoint(Math.min(glyph.code >>> 0, 0x10ffff));
    last = glyph;
  }
  return gaps;
}

function hasPartner(gaps: readonly Gap[], gap: Gap, at: number, step: 1 | -1): boolean {
  for (let i = at + step; i >= 0 && i < gaps.length; i += step) {
    const other = gaps[i];
    if (other === undefined || Math.abs(other.line - gap.line) > nearLines) return false;
    if (other.line === gap.line) continue;
    if (Math.abs(other.right - gap.right) <= gap.height * aligned) return true;
    const shared = Math.min(other.right, gap.right) - Math.max(other.left, gap.left);
    if (shared > 0 && gap.right - gap.left > gap.height * veryWide) return true;
  }
  return false;
}
