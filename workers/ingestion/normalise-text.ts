// Scripts whose spelling needs zero-width joiners between letters.
const joiningScript =
  '\\p{Script=Arabic}\\p{Script=Devanagari}\\p{Script=Bengali}\\p{Script=Gujarati}\\p{Script=Gurmukhi}\\p{Script=Kannada}\\p{Script=Malayalam}\\p{Script=Oriya}\\p{Script=Sinhala}\\p{Script=Tamil}\\p{Script=Telugu}\\p{Script=Khmer}';

const lineEnds = /\r\n?|[\u0085\v\f\u2028\u2029]/g;

// Controls, bidi controls, characters that show nothing, and non-characters; but not line ends and tabs, variation
// selectors (they choose a glyph), joiners and tags, which have rules of their own below.
const invisible =
  /[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\ufff9-\ufffb](?<![\n\t\p{Variation_Selector}]|\p{Join_Control}|[\u{e0020}-\u{e007f}])/gu;

// A zero-width joiner stays inside an emoji sequence, joiner and non-joiner stay after letters that need them.
const strayJoiners = new RegExp(
  `(?<![\\p{Extended_Pictographic}\\ufe0f\\u{1f3fb}-\\u{1f3ff}${joiningScript}])\\u200d` +
    `|\\u200d(?![\\p{Extended_Pictographic}${joiningScript}])|(?<![${joiningScript}])\\u200c`,
  'gu',
);

// Tag characters spell the flags of England, Scotland and Wales after a black flag, and nothing else.
const tags = /(\u{1f3f4}[\u{e0020}-\u{e007e}]{1,6}\u{e007f})|[\u{e0020}-\u{e007f}]/gu;

// The lookbehind keeps this linear: without it every space of a long run inside a line would start a search of its own.
const trailingBlanks = /(?<![^\S\n])[^\S\n]+$/gmu;

// Printable ASCII and Hangul syllables without blanks at the ends: what most cells of tables are. Nothing to do there.
const plain = /^[!-~가-힣](?:[ -~가-힣]*[!-~가-힣])?$/;

/**
 * The one form every parsed text is brought to before any offset into it is taken: NFC, `\n` line ends, no control, bidi
 * or invisible characters but `\n` and `\t`, no blanks at line ends, at most two blank lines in a row, none at the outside.
 * Idempotent; pieces that are normalised and not empty stay normalised when joined by one or two `\n`.
 */
export function normaliseText(text: string): string {
  if (plain.test(text)) return text;
  return text
    .replace(lineEnds, '\n')
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(invisible, '')
    .replace(tags, '$1')
    .replace(strayJoiners, '')
    .normalize('NFC')
    .replace(trailingBlanks, '')
    .replace(/\n{4,}/g, '\n\n\n')
    .replace(/^\n+/, '')
    .replace(/(?<!\n)\n+$/, '');
}

/** Any white space, line ends included, becomes one space: for titles, table cells and other single lines. */
export function singleLine(text: string): string {
  if (plain.test(text) && !text.includes('  ')) return text;
  return normaliseText(text).replace(/\s+/g, ' ').trim();
}
