import type { QueryAnalysis } from './passage.ts';

/** A word of the question with the sounds by which texts of the other script have it. */
export interface AskedWord {
  word: string;
  idf: number;
  sounds: readonly { sound: string; idf: number }[];
}

export function askedWords({ words, sounds }: Pick<QueryAnalysis, 'words' | 'sounds'>): AskedWord[] {
  return words.map(({ word, idf }) => ({
    ...{ word, idf },
    sounds: sounds.filter((one) => one.words.includes(word)),
  }));
}

/**
 * What a text that holds these index words and sounds has of a word: its idf, by sound at most the idf of that, else 0. A
 * foreign word that stands nowhere as the question writes it would otherwise count as the rarest of all.
 */
export function heldWeight({ word, idf, sounds }: AskedWord, held: ReadonlySet<string>): number {
  if (held.has(word)) return idf;
  let most = 0;
  for (const one of sounds) if (held.has(one.sound)) most = Math.max(most, Math.min(idf, one.idf));
  return most;
}

/** Share of the question's idf mass that these index words and sounds hold together, 0…1. */
export function coverage(
  analysis: Pick<QueryAnalysis, 'words' | 'sounds'>,
  held: ReadonlySet<string>,
): number {
  const asked = askedWords(analysis);
  const total = asked.reduce((sum, { idf }) => sum + idf, 0);
  return total === 0 ? 0 : asked.reduce((sum, word) => sum + heldWeight(word, held), 0) / total;
}
