/** Hundredths of a token, so that sums are exact. */
const cost = {
  word: 130,
  letter: 25,
  hangul: 80,
  ideograph: 100,
  symbol: 50,
} as const;

/**
 * Estimated tokens of a text for a subword model, rounded up; blank text has none.
 *
 * - A word or number of an alphabetic script: 1.3, the published rule of thumb for English (100 tokens are about 75 words),
 *   or a quarter token a letter where that is more, so that long compounds and keys count as what they are.
 * - A Hangul syllable: 0.8. Multilingual vocabularies (XLM-R, Gemma) need about 0.6, byte-pair vocabularies made for
 *   English 1.0 and more; a chunk should fit either without being half empty in the other.
 * - A Han or Kana character: 1. Any other sign (punctuation, emoji): 0.5, since part of the punctuation is in the 1.3 already.
 */
export function countTokens(text: string): number {
  return Math.ceil(tokenHundredths(text) / 100);
}

/**
 * The estimate in hundredths of a token. Never more for a whole than for its parts together, so parts that fit by their
 * sum fit when joined.
 */
export function tokenHundredths(text: string): number {
  let total = 0;
  let run = 0;
  for (let i = 0; i < text.length; i += 1) {
    const kind = kindOf(text.charCodeAt(i));
    if (kind === 'letter') {
      run += 1;
      continue;
    }
    if (run > 0) total += Math.max(cost.word, run * cost.letter);
    run = 0;
    if (kind !== 'blank') total += cost[kind];
  }
  return run > 0 ? total + Math.max(cost.word, run * cost.letter) : total;
}

function kindOf(code: number): 'blank' | 'letter' | 'hangul' | 'ideograph' | 'symbol' {
  if (code <= 0x20 || code === 0xa0 || code === 0x3000) return 'blank';
  if (code < 0x80) return isAsciiAlphanumeric(code) ? 'letter' : 'symbol';
  if (code >= 0xac00 && code <= 0xd7a3) return 'hangul';
  if (
    (code >= 0x3040 && code <= 0x30ff) ||
    (code >= 0x3400 && code <= 0x9fff) ||
    (code >= 0xf900 && code <= 0xfaff)
  )
    return 'ideograph';
  if (
    (code >= 0x2000 && code <= 0x2bff) ||
    (code >= 0x3001 && code <= 0x303f) ||
    (code >= 0xd800 && code <= 0xdfff)
  )
    return 'symbol';
  return 'letter';
}

function isAsciiAlphanumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}
