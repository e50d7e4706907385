import { LRUCache } from 'lru-cache';
import { newStemmer } from 'snowball-stemmers';
import { type Emit, emitWord, longestWord } from './normalise.ts';

const stemmer = newStemmer('english');
/** Stemming is nine tenths of the analyser's time, and a few thousand words are most of any text. */
const stems = new LRUCache<string, string, void>({ max: 50_000, memoMethod: (word) => stemmer.stem(word) });

/** Words that stand in nearly every text: left out of the index, so that a question's "what is the" costs nothing. */
const stopWords = new Set(
  `a about also am an and any are as at be been being both but by can could did do does dont during each few for from had
  has have he her him his how i if in into is it its just may me might more most my no nor not of on only or other our over
  own same she should so some such than that the their them then there these they this those to too under until up us very
  was we were what when where which while who whom whose why will with would you your`.split(/\s+/),
);

const lettersOnly = /^\p{L}+$/u;
const thousands = /^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/;
const apostrophe = /['’]/;
/** A list (`1,2,3`) or a shortening (`1990's`) is not one code. */
const notPlain = /[,'’]/;
const number = /^\p{N}+(?:\.\p{N}+)*$/u;
const digit = /\p{N}/u;
/** Names that end in a sign: `c++`, `f#`. */
const signed = /(?:\+\+|#)$/;
/** Runs of letters, and numbers with their decimal points: `v1.2.3` → v, 1.2.3. */
const parts = /[\p{L}\p{M}]+|\p{N}+(?:\.\p{N}+)*/gu;

/**
 * Index words of a run of letters and digits with inner `-._,'`, already folded. A word gives its stem unless it is a stop
 * word; a number its digits (`1,000` → 1000); a code with digits (`covid-19`, `3.5mm`, `v1.2.3`) its parts and, without
 * hyphens, the whole, so that `RFC-9457`, `RFC9457` and `rfc 9457` meet. A name with a sign (`c++`, `c#`) gives both,
 * with and without it. `hear` gets each word before it is stemmed.
 */
export function emitEnglish(run: string, emit: Emit, hear: Emit): void {
  if (lettersOnly.test(run)) emitStem(run, 0, run.length, emit, hear);
  else if (thousands.test(run)) emitWord(emit, run.replaceAll(',', ''), 0, run.length);
  else if (apostrophe.test(run) && !digit.test(run)) emitContraction(run, emit, hear);
  else emitParts(run, emit, hear);
}

function emitParts(run: string, emit: Emit, hear: Emit): void {
  const isCode = signed.test(run) || (digit.test(run) && !notPlain.test(run) && !number.test(run));
  if (isCode && run.length <= longestWord) emitWord(emit, run.replace(/[-_]+/g, ''), 0, run.length);
  for (const { 0: part, index } of run.matchAll(parts))
    emitStem(part, index, index + part.length, emit, hear);
}

/** `company's` → company; `don't` and `O'Neill` are one word without the mark; around hyphens each part for itself. */
function emitContraction(run: string, emit: Emit, hear: Emit): void {
  for (const { 0: part, index } of run.matchAll(/[^-._,]+/g)) {
    const word = part.replace(/['’]s$/, '').replace(/['’]/g, '');
    emitStem(word, index, index + part.length, emit, hear);
  }
}

function emitStem(word: string, start: number, end: number, emit: Emit, hear: Emit): void {
  if (stopWords.has(word) || word.length > longestWord) return;
  hear(word, start, end);
  emitWord(emit, digit.test(word) ? word : stems.memo(word), start, end);
}
