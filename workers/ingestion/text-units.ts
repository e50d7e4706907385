import { tokenHundredths } from '../../src/text/count-tokens.ts';
import type { TextRange } from '../../src/text/lines.ts';
import { segmentEnds } from '../../src/text/segments.ts';
import { splitSentences } from '../../src/text/sentences.ts';
import { blocksOf, type TextBlock } from './text-blocks.ts';

/** What chunks are made of and never cut through: a sentence, a table or code block that fits, a row, a piece of a giant one. */
export interface TextUnit extends TextRange {
  /** Estimated size in hundredths of a token. */
  cost: number;
  /** What follows belongs to it: the lead-in of a list, a caption, the header row of a table. */
  leads?: boolean;
  /** Cost of the list that begins here, lead-in included; lists are torn only where they must be. */
  groupCost?: number;
  /** What it belongs to: its lead-in and header row, in so far as they stand before it. */
  context?: TextRange[];
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * The units of a text in order; every character but white space is in exactly one.
 *
 * @param largest most hundredths of a token that a unit may have
 * @param records every line stands for itself, as the rows of a table file do
 */
export function unitsOf(text: string, largest: number, records = false): TextUnit[] {
  if (records) return [...lineUnits(text, { start: 0, end: text.length }, largest)];
  const blocks = [...blocksOf(text)];
  const units: TextUnit[] = [];
  // The block whose lines are already units.
  let done = 0;
  let next = 0;
  for (const sentence of splitSentences(text)) {
    while ((blocks[next]?.end ?? Number.POSITIVE_INFINITY) <= sentence.start) next += 1;
    const block = blocks[next];
    if (block === undefined || block.kind === 'list' || sentence.start < block.start) {
      for (const unit of cut(text, sentence, largest)) units.push(unit);
    } else if (done < block.end) {
      done = block.end;
      // One by one: a table may have more lines than a call may have arguments.
      for (const unit of blockUnits(text, block, largest)) units.push(unit);
    }
  }
  connect(text, units, blocks);
  return units;
}

/** A table or code block as it is if it fits, else its lines. */
function blockUnits(text: string, block: TextRange, largest: number): Iterable<TextUnit> {
  const [whole] = trimmedLines(text, block, false);
  if (whole === undefined) return [];
  const cost = tokenHundredths(text.slice(whole.start, whole.end));
  return cost <= largest ? [{ ...whole, cost }] : lineUnits(text, block, largest);
}

function* lineUnits(text: string, range: TextRange, largest: number): Generator<TextUnit> {
  for (const line of trimmedLines(text, range, true)) yield* cut(text, line, largest);
}

/** The range, or each of its lines, without the white space around; blank ones are left out. */
function* trimmedLines(text: string, { start, end }: TextRange, apart: boolean): Generator<TextRange> {
  for (let from = start; from < end; ) {
    const newline = apart ? text.indexOf('\n', from) : -1;
    const to = newline < 0 || newline > end ? end : newline;
    const line = text.slice(from, to);
    const begins = from + line.length - line.trimStart().length;
    if (begins < to) yield { start: begins, end: from + line.trimEnd().length };
    from = to + 1;
  }
}

/** Tells units what leads them on and what they belong to. */
function connect(text: string, units: TextUnit[], blocks: readonly TextBlock[]): void {
  let i = 0;
  for (const { kind, start, end, lead, head } of blocks) {
    while (i < units.length && (units[i]?.end ?? 0) <= start) i += 1;
    const before = units[i - 1];
    const announced = lead !== null && before !== undefined && before.end >= lead.end;
    const first = announced ? before : units[i];
    if (announced) before.leads = true;
    const above = announced ? [lead] : [];
    const inBody = head === null ? above : [...above, head];
    for (let unit = units[i]; unit !== undefined && unit.start < end; i += 1, unit = units[i]) {
      const below = head !== null && unit.start >= head.bodyStart;
      unit.context = below ? inBody : above;
      if (head !== null && !below && unit.end <= head.bodyStart) unit.leads = true;
    }
    if (kind === 'list' && first) first.groupCost = tokenHundredths(text.slice(first.start, end));
  }
}

/** What a letter adds to a run: syllables and ideographs their own cost, alphabetic letters a quarter token. */
function letterCost(letter: string): number {
  const alone = tokenHundredths(letter);
  return alone > 100 ? 25 : alone;
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
