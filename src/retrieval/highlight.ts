import { visitIndexWords } from './analyze.ts';

/**
 * Places in a text whose index words are among `words` (of `analyzeQuestion`, sounds included): `[start, end)` in UTF-16 code units,
 * in order, overlapping ones merged. A Korean word is marked without its particle, a bigram as its two syllables.
 */
export function highlight(text: string, words: Iterable<string>): [number, number][] {
  const wanted = new Set(words);
  const found: [number, number][] = [];
  visitIndexWords(text, (word, start, end) => {
    if (wanted.has(word)) found.push([start, end]);
  });
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const merged: [number, number][] = [];
  for (const [start, end] of found) {
    const last = merged.at(-1);
    if (last && start < last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}
