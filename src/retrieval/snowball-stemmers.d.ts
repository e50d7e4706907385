declare module 'snowball-stemmers' {
  interface Stemmer {
    /** Stem of a lower-case word. */
    stem(word: string): string;
  }
  export function newStemmer(algorithm: 'english' | 'porter'): Stemmer;
}
