import { emitEnglish } from './english.ts';
import { emitBigrams, emitKorean } from './korean.ts';
import { type Emit, foldHangul, foldLetters } from './normalise.ts';
import { foreignSound, isSound, ownSound, type Script, scriptOf } from './sounds.ts';

/**
 * Grows with every change of the index words that a text gives: chunks analysed by another version (their `words`,
 * `frequencies` and postings) have to be analysed anew before questions and passages mean the same words again.
 */
export const analyzerVersion = 2;

/**
 * Runs of one writing system: Hangul; Han and Kana; letters and digits of every other script, with single `-._,'’` between
 * them and `++` or `#` behind a few letters (C++, F#). A run is found in one pass, so the time is linear in the text.
 */
const eastAsian = String.raw`\p{Script=Hangul}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー`;
const letter = String.raw`[[\p{L}\p{N}\p{M}]--[${eastAsian}]]`;
const letters = `${letter}+`;
const runs = new RegExp(
  String.raw`(?<hangul>\p{Script=Hangul}+)|(?<han>[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+)|${letters}(?:[\-._,'’，．]${letters})*(?:(?:\+\+|#)(?![${letter}+#]))?`,
  'gv',
);

/** What storage needs of a text: its distinct index words with their frequencies, and the number of all of them. */
export interface WordCounts {
  /** Index words, and the sounds by which questions in the other script find the text. */
  words: string[];
  /** Of the same length as `words`; each at most 32,767 (a smallint). */
  frequencies: number[];
  /** Length of the text in index words: the sum of the frequencies of all but the sounds. */
  wordCount: number;
}

/**
 * Calls `emit` with each index word of the text and the place it came from: UTF-16 offsets into `text`. The one analyser
 * of both languages, for chunks and questions alike. `hear` gets the words as they are written, folded but not stemmed.
 */
export function visitWords(text: string, emit: Emit, hear: Emit = () => undefined): void {
  let lastEnd = -1;
  let last = '';
  for (const match of text.matchAll(runs)) {
    const run = match[0];
    const start = match.index;
    const before = start === lastEnd ? last : '';
    lastEnd = start + run.length;
    last = visitRun(run, match.groups ?? {}, before, placed(emit, start, run), placed(hear, start, run));
  }
}

/** Emits the words of a run; returns it folded. */
function visitRun(
  run: string,
  script: Partial<Record<string, string>>,
  before: string,
  emit: FoldedEmit,
  hear: FoldedEmit,
): string {
  if (script.hangul !== undefined) {
    const folded = foldHangul(run);
    emitKorean(folded, before, emit(folded), hear(folded));
    return folded;
  }
  const folded = foldLetters(run);
  if (script.han === undefined) emitEnglish(folded, emit(folded), hear(folded));
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

/** Share of words in Hangul from which a text sounds by those, else by its Latin words: Korean pages are full of code. */
const hangulFrom = 0.1;

/** Calls `emit` with each index word of a passage, then with the sounds of the words of its main script. */
export function visitIndexWords(text: string, emit: Emit): void {
  const heard = hearWords(text, emit);
  for (const { word, start, end } of heard.words) {
    const sound = ownSound(word, heard.script);
    if (sound !== undefined) emit(sound, start, end);
  }
}

/** What a question is searched by. */
export interface AskedWords {
  words: string[];
  sounds: Map<string, string>;
}

/** All that the index is asked for. */
export function wordsOf({ words, sounds }: AskedWords): string[] {
  return [...words, ...sounds.keys()];
}

/**
 * Index words of a question, and the sounds by which passages in the other script have them: a Korean question finds
 * "component" by 컴포넌트, an English one 컴포넌트 by "component". `sounds` has the word that each was made of.
 */
export function analyzeQuestion(question: string): AskedWords {
  const words: string[] = [];
  const heard = hearWords(question, (word) => words.push(word));
  const sounds = new Map<string, string>();
  for (const { word } of heard.words) {
    const sound = foreignSound(word, heard.script);
    if (sound !== undefined) sounds.set(sound, word);
  }
  return { words, sounds };
}

/** Index words of a text as the index has them: `held` with its sounds, `words` without. */
export function hearText(text: string): { words: Set<string>; held: Set<string> } {
  const held = new Set<string>();
  visitIndexWords(text, (word) => held.add(word));
  return { words: new Set([...held].filter((word) => !isSound(word))), held };
}

/** Visits the index words; returns the words of the main script as they are written. */
function hearWords(text: string, emit: Emit) {
  const heard: Record<Script, { word: string; start: number; end: number }[]> = { hangul: [], latin: [] };
  visitWords(text, emit, (word, start, end) => {
    const script = scriptOf(word);
    if (script) heard[script].push({ word, start, end });
  });
  const { hangul, latin } = heard;
  const isKorean = hangul.length > 0 && hangul.length >= hangulFrom * (hangul.length + latin.length);
  const script: Script = isKorean ? 'hangul' : 'latin';
  return { script, words: heard[script] };
}

/** Index words of a text as the index stores them. */
export function countWords(text: string): WordCounts {
  const counts = new Map<string, number>();
  visitIndexWords(text, (word) => counts.set(word, Math.min(32_767, (counts.get(word) ?? 0) + 1)));
  let wordCount = 0;
  for (const [word, count] of counts) if (!isSound(word)) wordCount += count;
  return { words: [...counts.keys()], frequencies: [...counts.values()], wordCount };
}
