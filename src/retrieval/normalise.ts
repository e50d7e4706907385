/** Receives an index word and the part of the run that it was made of (UTF-16 offsets in the run, end exclusive). */
export type Emit = (word: string, start: number, end: number) => void;

/** Longer "words" are data (base64, hashes, endless underscores) that nobody asks for. */
export const longestWord = 64;

export function emitWord(emit: Emit, word: string, start: number, end: number): void {
  if (word.length > 0 && word.length <= longestWord) emit(word, start, end);
}

const ascii = /^[\p{ASCII}]*$/u;

/** Lower case, full-width forms made ordinary, accents dropped: `Ｃａｆé` → `cafe`. Other alphabets keep their letters. */
export function foldLetters(run: string): string {
  const lower = run.toLowerCase();
  if (ascii.test(lower)) return lower;
  return lower
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFKC')
    .toLowerCase();
}

/** Syllables composed (NFC from NFD), half-width and circled forms made ordinary, everything but Hangul dropped. */
export function foldHangul(run: string): string {
  return run.normalize('NFKC').replace(/\P{Script=Hangul}+/gu, '');
}
