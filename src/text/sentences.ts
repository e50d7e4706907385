import { isFalseStop } from './abbreviations.ts';
import { type TextRange, unwrapLines } from './lines.ts';
import { segmentEnds } from './segments.ts';

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

/**
 * The sentences of a Korean, English or mixed text, in order, without the white space around them. Every other character
 * is in exactly one: `text.slice(start, end)` is the sentence, wrapped lines and all. Boundaries are those of Unicode
 * (UAX #29) less abbreviations, dates and the like, plus line ends that are no wraps. Linear in the text's length.
 */
export function splitSentences(text: string): TextRange[] {
  return unwrapLines(text).flatMap((range) => sentencesWithin(text, range));
}

function sentencesWithin(text: string, range: TextRange): TextRange[] {
  // Line ends inside the stretch are wraps: as spaces they keep the offsets and end no sentence.
  const flat = text.slice(range.start, range.end).replaceAll('\n', ' ');
  const sentences: TextRange[] = [];
  let from = 0;
  for (const stop of stops(flat)) {
    if (stop <= from) continue;
    if (stop < flat.length && isFalseStop(tailOf(flat, from, stop), flat.slice(stop, stop + 40))) continue;
    pushTrimmed(flat, from, stop, range.start, sentences);
    from = stop;
  }
  pushTrimmed(flat, from, flat.length, range.start, sentences);
  return sentences;
}

/** The sentence so far; of a long one its end is enough to judge by. White space after the stop does not belong. */
function tailOf(flat: string, from: number, stop: number): string {
  return flat.slice(Math.max(from, stop - 100), stop).trim();
}

function* stops(flat: string): Generator<number> {
  if (!/[.!?。！？．…‼⁇⁈⁉]/.test(flat)) {
    yield* koreanEndings(flat, 0, flat.length);
    return;
  }
  let from = 0;
  for (const end of segmentEnds(flat, segmenter)) {
    if (!/[.!?。！？．…]/.test(flat.slice(Math.max(from, end - 20), end)))
      yield* koreanEndings(flat, from, end);
    from = end;
    yield moved(flat, end);
  }
}

/**
 * Where Unicode's rule puts the stop amid brackets without a space before them: `…text.[1] Next` ends after its
 * reference, `…했다.(그는` before the bracket.
 */
function moved(flat: string, end: number): number {
  const last = flat.charAt(end - 1);
  if (last !== '[' && last !== '(' && last !== '「' && last !== '『' && last !== '“' && last !== '‘')
    return end;
  const reference =
    last === '[' ? /^[\d,\s–-]{1,20}\](?:\[[\d,\s–-]{1,20}\])*\s*/.exec(flat.slice(end, end + 120)) : null;
  return reference === null ? end - 1 : end + reference[0].length;
}

/** Korean written without full stops: a polite or formal final ending ends a sentence where there is a lot to divide. */
function* koreanEndings(flat: string, from: number, to: number): Generator<number> {
  if (to - from < 200) return;
  for (const match of flat.slice(from, to).matchAll(/(?:니다|니까|[어아해세네군지에예까]요)\s+(?=\S)/g)) {
    yield from + match.index + match[0].length;
  }
}

function pushTrimmed(flat: string, from: number, to: number, offset: number, sentences: TextRange[]): void {
  let start = from;
  let end = to;
  while (start < end && isBlank(flat.charAt(start))) start += 1;
  while (end > start && isBlank(flat.charAt(end - 1))) end -= 1;
  if (end > start) sentences.push({ start: offset + start, end: offset + end });
}

function isBlank(character: string): boolean {
  return character.trim() === '';
}
