export interface Folded {
  /** The text as detectors read it: ASCII digits, letters, hyphens, dots and blanks, and nothing invisible. */
  text: string;
  /** Offset in the original text of an offset in `text`; both UTF-16 code units. */
  original(offset: number): number;
}

/** Nothing to do for most texts: printable ASCII, line feeds and Hangul syllables. */
const foldable = /[^\n\t -~가-힣]/;

/** What shows nothing, and so may stand between any two digits: soft hyphen, zero-width and direction marks. */
const invisible = /(?:\u034f|[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff])+/g;

/** Hyphens, dashes and minus signs, and the letters that Korean and Japanese keyboards give for them (ㅡ, ー). */
const hyphens =
  /[\u02d7\u058a\u05be\u1173\u1806\u2010-\u2015\u2043\u207b\u208b\u2212\u2500\u2501\u2796\u2e3a\u2e3b\u30fc\u3161\ufe58\ufe63\uff70]/g;
const dots = /[\u00b7\u0387\u2022\u2024\u2027\u2219\u22c5\u3002\u30fb\u318d\uff61\uff65]/g;
const tildes = /[\u02dc\u223c\u301c]/g;
const lineEnds = /[\v\f\u0085\u2028\u2029]/g;
/** But tabs: they part the columns of a table. */
const blanks = /[\r\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
/** Full-width forms of ASCII: the same characters, 0xfee0 further on. */
const fullWidth = /[\uff01-\uff5e]/g;
/** Decimal digits of Arabic, of Persian and Urdu, and of Devanagari. */
const otherDigits = /[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]/g;

/** Digit by digit, as forms with a box for each have it: `0 1 0 - 1 2 3 4 - 5 6 7 8`. */
const boxed = /(?<!\d ?)\d(?: \d){1,15}(?: ?[-.] ?\d(?: \d){1,6}){1,3}(?! ?\d)/g;

/** One form for what readers take for the same: each character becomes one, or none when it shows nothing. */
export function fold(text: string): Folded {
  if (!foldable.test(text)) return withoutInvisible(joinBoxed(text));
  const same = text
    .replace(fullWidth, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0))
    .replace(otherDigits, decimal)
    .replace(hyphens, '-')
    .replace(dots, '.')
    .replace(tildes, '~')
    .replace(lineEnds, '\n')
    .replace(blanks, ' ');
  return withoutInvisible(joinBoxed(same));
}

/** The blanks between the digits become invisible. */
function joinBoxed(text: string): string {
  return text.replace(boxed, (found) => found.replace(/(?<=\d) (?=\d)/g, '\u200b'));
}

function decimal(digit: string): string {
  const code = digit.charCodeAt(0);
  const zero = code < 0x6f0 ? 0x660 : code < 0x966 ? 0x6f0 : 0x966;
  return String(code - zero);
}

function withoutInvisible(text: string): Folded {
  /** Where runs that are left out stood, as offsets in what is left, and how much is left out up to and with them. */
  const places: number[] = [];
  const sums: number[] = [];
  let dropped = 0;
  for (const { 0: run, index } of text.matchAll(invisible)) {
    places.push(index - dropped);
    dropped += run.length;
    sums.push(dropped);
  }
  if (dropped === 0) return { text, original: (offset) => offset };
  return {
    text: text.replace(invisible, ''),
    original: (offset) => offset + (sums[lastUpTo(places, offset)] ?? 0),
  };
}

/** Index of the last of the ascending numbers that is at most `limit`; −1 when none is. */
function lastUpTo(ascending: readonly number[], limit: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] ?? 0) <= limit) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}
