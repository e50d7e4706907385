import type { Tokenizer } from '@huggingface/tokenizers';
import { LRUCache } from 'lru-cache';

const charactersRead = 1000;
// Runs of one writing system: a Korean particle behind a Latin word must not share the word's verdict.
const words = /[\p{Script=Latin}\p{M}]+|(?:(?!\p{Script=Latin})[\p{L}\p{M}])+/gu;
const oneLatinLetter = /^\p{Script=Latin}$/u;

/**
 * How far a model can read a text, 0…1, judged by its vocabulary: a model knows the words that it has pieces of several
 * letters for, and has merely seen the alphabet of those that fall apart into single letters. A word counts
 * `letters / pieces − 1`, held within 0…1, and 0 with an unknown piece; words weigh by their letters. Letters are counted
 * decomposed (NFD), so a Hangul syllable is two or three: an English vocabulary cuts it into as many jamo, a multilingual
 * one keeps it whole. Texts without letters (numbers) count as read. Judges by the first 1000 characters.
 */
export function createReadability(tokenizer: Tokenizer): (text: string) => number {
  const unknown = tokenizer.model?.unk_token_id;
  // Every search judges the beginnings of a hundred passages, whose words are mostly the same.
  const judged = new LRUCache<string, WordReading, void>({ max: 50_000, memoMethod: judge });
  function judge(word: string): WordReading {
    const letters = word.normalize('NFD').match(/\p{L}/gu)?.length ?? 0;
    // One Latin letter is a word of its own in every vocabulary and tells nothing.
    if (letters === 0 || oneLatinLetter.test(word)) return { letters: 0, read: 0 };
    const { ids } = tokenizer.encode(word, { add_special_tokens: false });
    const known = ids.length > 0 && (unknown === undefined || !ids.includes(unknown));
    return { letters, read: known ? letters * Math.min(1, Math.max(0, letters / ids.length - 1)) : 0 };
  }
  return (text) => {
    let read = 0;
    let total = 0;
    for (const [word] of text.slice(0, charactersRead).matchAll(words)) {
      const one = judged.memo(word);
      read += one.read;
      total += one.letters;
    }
    return total === 0 ? 1 : read / total;
  };
}

interface WordReading {
  /** Decomposed; 0 for what tells nothing. */
  letters: number;
  /** How many of them count as read. */
  read: number;
}
