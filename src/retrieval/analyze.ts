import { emitEnglish } from './english.ts';
import { emitBigrams, emitKorean } from './korean.ts';
import { type Emit, foldHangul, foldLetters } from './normalise.ts';

/**
 * Runs of one writing system: Hangul; Han and Kana; letters and digits of every other script, with single `-._,'’` between
 * them. A run is found in one pass, so the time is linear in the text.
 */
const eastAsian = String.raw`\p{Script=Hangul}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー`;
const letters = String.raw`[[\p{L}\p{N}\p{M}]--[${eastAsian}]]+`;
const runs = new RegExp(
  String.raw`(?<hangul>\p{Script=Hangul}+)|(?<han>[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+)|${letters}(?:[\-._,'’，．]${letters})*`,
  'gv',
);

/** What storage needs of a text: its distinct index words with their frequencies, and the number of all of them. */
export interface WordCounts {
  words: string[];
  /** Of the same length as `words`; each at most 32,767 (a smallint). */
  frequencies: number[];
  /** Length of the text in index words: the sum of the frequencies. */
  wordCount: number;
}

/**
 * Calls `emit` with each index word of the text and the place it came from: UTF-16 offsets into `text`. The one analyser
 * of both languages, for chunks and questions alike.
 */
export function visitWords(text: string, emit: Emit): void {
  let lastEnd = -1;
  let last = '';
  for (const match of text.matchAll(runs)) {
    const run = match[0];
    const start = match.index;
    const before = start === lastEnd ? last : '';
    lastEnd = start + run.length;
    last = visitRun(run, match.groups ?? {}, before, placed(emit, start, run));
  }
}

/** Emits the words of a run; returns it folded. */
function visitRun(
  run: string,
  script: Partial<Record<string, string>>,
  before: string,
  emit: FoldedEmit,
): string {
  if (script.hangul !== undefined) {
    const folded = foldHangul(run);
    emitKorean(folded, before, emit(folded));
    return folded;
  }
  const folded = foldLetters(run);
  if (script.han === undefined) emitEnglish(folded, emit(folded));
  else emitBigrams(folded, emit(folded));
  return folded;
}

type FoldedEmit = (folded: string) => Emit;

/** Where folding changed the length, letters can't be told apart any more: the place of a word is then its whole run. */
function placed(emit: Emit, offset: number, run: string): FoldedEmit {
  return (folded) =>
    folded.length === run.length
      ? (word, start, end) => emit(word, offset + start, offset + end)
      : (word) => emit(word, offset, offset + run.length);
}

/** The sequence of index words of a text: particles and stop words gone, words stemmed, Korean bigrams beside words. */
export function analyze(text: string): { words: string[] } {
  const words: string[] = [];
  visitWords(text, (word) => words.push(word));
  return { words };
}

/** Index words of a text as the index stores them. */
export function countWords(text: string): WordCounts {
  const counts = new Map<string, number>();
  visitWords(text, (word) => counts.set(word, Math.min(32_767, (counts.get(word) ?? 0) + 1)));
  const frequencies = [...counts.values()];
  return { words: [...counts.keys()], frequencies, wordCount: frequencies.reduce((sum, n) => sum + n, 0) };
}
