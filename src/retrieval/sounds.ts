import { LRUCache } from 'lru-cache';

/**
 * Korean writes foreign words and names by their sound: component is 컴포넌트, Obama 오바마. Here both are brought down to
 * the consonants that the rules of loanword orthography (외래어 표기법) keep, so that either finds the other without a
 * dictionary: kmpnnt. Vowels are left out, because English spelling does not tell them.
 */

/** Fewer consonants are shared by too many words. */
const fewestConsonants = 3;

/** Marks by the script that a sound was written in: no index word begins with either. */
const marks = { hangul: '=', latin: '~' } as const;
export type Script = keyof typeof marks;

/** The script that a word of letters is wholly written in. */
export function scriptOf(word: string): Script | undefined {
  if (/^[가-힣]+$/.test(word)) return 'hangul';
  return /^[a-z]+$/.test(word) ? 'latin' : undefined;
}

/** Index word for the sound of a word (composed Hangul, or lower-case Latin) as texts of that script have it. */
export function ownSound(word: string, script: Script): string | undefined {
  const sound = soundOf(word, script);
  return sound && marks[script] + sound;
}

/** Index word by which texts of the other script have a word of this sound. */
export function foreignSound(word: string, script: Script): string | undefined {
  const sound = soundOf(word, script);
  return sound && marks[script === 'hangul' ? 'latin' : 'hangul'] + sound;
}

export function isSound(word: string): boolean {
  return word.startsWith(marks.hangul) || word.startsWith(marks.latin);
}

const latinSounds = new LRUCache<string, string, void>({ max: 50_000, memoMethod: latinConsonants });

function soundOf(word: string, script: Script): string | undefined {
  const sound = script === 'hangul' ? hangulConsonants(word) : latinSounds.memo(word);
  return sound && sound.length >= fewestConsonants ? sound : undefined;
}

/** By the code points of composed syllables: 0xac00 + (initial · 21 + vowel) · 28 + final. `!`: in no loanword. */
const initials = 'g!nd!rmb!s! j!cktph';
const finals = ' k!!n!!!r!!!!!!!mp!t!N!!!!!!';
const vowelUi = 19;

/** Undefined for words that can't be loans: those take no tense consonants, no ㅢ, and seven final consonants only. */
function hangulConsonants(word: string): string | undefined {
  let sound = '';
  let closedByR = false;
  for (const syllable of word) {
    const code = syllable.charCodeAt(0) - 0xac00;
    const initial = initials[Math.floor(code / 588)];
    const final = finals[code % 28];
    if (initial === '!' || final === '!' || Math.floor((code % 588) / 28) === vowelUi) return undefined;
    // ㄹㄹ is one l: 플레이어, 솔루션.
    if (initial !== ' ' && !(initial === 'r' && closedByR)) sound += initial;
    if (final !== ' ') sound += final;
    closedByR = final === 'r';
  }
  return sound;
}

/** English spelling to the consonants that Korean writes; upper case is done with. In order. */
const spellings: [pattern: RegExp, consonants: string][] = [
  // Plurals: components, classes; not css, status, basis.
  [/(?<=..)(?<![suix])s$/, ''],
  [/(?<=ss|sh|x|ch)e$/, ''],
  [/^kn/, 'n'],
  [/^wr/, 'r'],
  [/^ps/, 's'],
  [/mb$/, 'm'],
  [/([bcdfgklmnprstvz])\1/g, '$1'],
  [/tion/g, 'SN_'],
  [/sion/g, 'JN_'],
  [/ture$/, 'C'],
  [/sch/g, 'SK'],
  [/dge/g, 'J'],
  [/tch|ch/g, 'C'],
  [/sh|th/g, 'S'],
  [/ph/g, 'P'],
  [/gh/g, ''],
  [/ck/g, 'K'],
  [/x/g, 'KS'],
  [/c(?=[eiy])/g, 'S'],
  [/(?<=.)g(?=[eiy])/g, 'J'],
  [/ng(?=[lr])/g, 'Xg'],
  [/ng(?![aeiouy])|n(?=k|K)/g, 'X'],
  // r is heard before vowels only.
  [/r(?![aeiouy])/g, ''],
  [/(?<=[aeiouy])h(?![aeiouy])/g, ''],
  [/[aeiouyw_]/g, ''],
];
/** ㅇ as a final consonant is N, so that n and ng stay apart. */
const consonants: Record<string, string> = { c: 'k', q: 'k', f: 'p', v: 'b', z: 'j', l: 'r', N: 'n', X: 'N' };

function latinConsonants(word: string): string {
  const spelled = spellings.reduce((text, [pattern, by]) => text.replace(pattern, by), word);
  return [...spelled].map((letter) => consonants[letter] ?? letter.toLowerCase()).join('');
}
