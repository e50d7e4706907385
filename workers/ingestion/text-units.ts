import { tokenHundredths } from '../../src/text/count-tokens.ts';
import { linesOf, type TextRange } from '../../src/text/lines.ts';
import { segmentEnds } from '../../src/text/segments.ts';
import { splitSentences } from '../../src/text/sentences.ts';

/** What chunks are made of and never cut through: a sentence, a table or code block that fits, a piece of a giant one. */
export interface TextUnit extends TextRange {
  /** Estimated size in hundredths of a token. */
  cost: number;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * The units of a text in order; every character but white space is in exactly one.
 *
 * @param largest most hundredths of a token that a unit may have
 */
export function unitsOf(text: string, largest: number): TextUnit[] {
  const units: TextUnit[] = [];
  const blocks = blocksOf(text).filter(({ cost }) => cost <= largest);
  let next = 0;
  for (const sentence of splitSentences(text)) {
    while ((blocks[next]?.end ?? Number.POSITIVE_INFINITY) <= sentence.start) next += 1;
    const block = blocks[next];
    const last = units.at(-1);
    if (block === undefined || sentence.start < block.start) units.push(...cut(text, sentence, largest));
    else if (last !== undefined && last.start >= block.start) last.end = sentence.end;
    else units.push({ ...sentence, cost: block.cost });
  }
  return units;
}

/** What a letter adds to a run: syllables and ideographs their own cost, alphabetic letters a quarter token. */
function letterCost(letter: string): number {
  const alone = tokenHundredths(letter);
  return alone > 100 ? 25 : alone;
}

/** Runs of table rows and of code lines, from two lines on. */
function blocksOf(text: string): TextUnit[] {
  const blocks: (TextRange & { kind: string; lines: number })[] = [];
  let open: (typeof blocks)[number] | undefined;
  for (const { kind, start, end } of linesOf(text)) {
    if (open !== undefined && open.kind === kind) {
      open.end = end;
      open.lines += 1;
    } else {
      open = { kind, start, end, lines: 1 };
      if (kind === 'table' || kind === 'code') blocks.push(open);
    }
  }
  return blocks
    .filter(({ lines }) => lines > 1)
    .map(({ start, end }) => ({ start, end, cost: tokenHundredths(text.slice(start, end)) }));
}

/** A sentence as it is if it fits; else in pieces a quarter as large as a unit may be, so that overlap still has pieces to take. */
function cut(text: string, range: TextRange, largest: number): TextUnit[] {
  const cost = tokenHundredths(text.slice(range.start, range.end));
  if (cost <= largest) return [{ ...range, cost }];
  const pieces: TextUnit[] = [];
  let open: TextUnit | undefined;
  for (const word of wordsOf(text, range, largest / 4)) {
    if (open !== undefined && open.cost + word.cost <= largest / 4) {
      open.end = word.end;
      open.cost += word.cost;
    } else {
      open = word;
      pieces.push(open);
    }
  }
  return pieces;
}

/** What white space parts; a word beyond the limit comes in runs of whole graphemes. */
function* wordsOf(text: string, range: TextRange, largest: number): Generator<TextUnit> {
  for (const match of text.slice(range.start, range.end).matchAll(/\S+/g)) {
    const start = range.start + match.index;
    const cost = tokenHundredths(match[0]);
    if (cost <= largest) yield { start, end: start + match[0].length, cost };
    else yield* graphemeRuns(match[0], start, largest);
  }
}

function* graphemeRuns(word: string, offset: number, largest: number): Generator<TextUnit> {
  let start = 0;
  let index = 0;
  let cost = 0;
  for (const end of graphemeEnds(word)) {
    const grapheme = word.slice(index, end);
    // A letter inside a run adds a quarter token. Signs between letters make that an underestimate, by less than the
    // factor of four that pieces stay under the limit for a unit.
    const added = /^[\p{L}\p{N}]$/u.test(grapheme) ? letterCost(grapheme) : tokenHundredths(grapheme);
    if (cost > 0 && cost + added > largest) {
      yield { start: offset + start, end: offset + index, cost: tokenHundredths(word.slice(start, index)) };
      start = index;
      cost = 0;
    }
    cost += added;
    index = end;
  }
  yield { start: offset + start, end: offset + word.length, cost: tokenHundredths(word.slice(start)) };
}

function* graphemeEnds(word: string): Generator<number> {
  // Keys, hashes and Hangul: every character is a grapheme, and the segmenter would take seconds for megabytes of them.
  if (/^[!-~가-힣]+$/.test(word)) for (let end = 1; end <= word.length; end += 1) yield end;
  else yield* segmentEnds(word, graphemes);
}
