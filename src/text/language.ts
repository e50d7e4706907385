/** `en` stands for any text in Latin letters, `und` for text without letters or in another script. */
export type Language = 'ko' | 'en' | 'und';

/**
 * Share of words with Hangul from which a text counts as Korean. Words rather than letters are counted, because particles
 * attach to foreign names: "useEffect와 useLayoutEffect의 차이" is Korean with five Hangul among thirty letters, while
 * "What does 안녕하세요 mean?" is English.
 */
const koreanFrom = 0.3;

const word = /[\p{L}\p{M}\p{N}]+/gu;
const hangul = /\p{Script=Hangul}/u;
const latin = /\p{Script=Latin}/u;

/** The language of a text by the scripts of its words. Words without letters (numbers) have no say. */
export function detectLanguage(text: string): Language {
  let korean = 0;
  let english = 0;
  let other = 0;
  for (const [match] of text.matchAll(word)) {
    if (hangul.test(match)) korean += 1;
    else if (latin.test(match)) english += 1;
    else if (/\p{L}/u.test(match)) other += 1;
  }
  const all = korean + english + other;
  if (all === 0) return 'und';
  if (korean / all >= koreanFrom) return 'ko';
  return english >= other ? 'en' : 'und';
}
