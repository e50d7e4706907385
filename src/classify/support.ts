import type { Item } from './item.ts';
import type { Lesson } from './learn.ts';
import type { Vocabulary } from './words-leg.ts';

/** Share of a text's words that examples should have before what is learned of words is believed in full. */
const enough = 0.2;

/**
 * How far what was taught has anything to say of a text, 0…1: texts without a class teach what goes together, so a text among
 * them that shares no word with any example would confirm its own guess. A text that the embedding model can read has its meaning
 * compared in any case.
 */
export function supportOf(vocabulary: Vocabulary, { examples, names }: Lesson): (item: Item) => number {
  const taught = new Set<string>();
  for (const item of [...examples.map((one) => one.item), ...names])
    for (const word of item.words.keys()) taught.add(word);
  return (item) => {
    const { ids, weights } = vocabulary.vectorOf(item);
    let shared = 0;
    let all = 0;
    for (let n = 0; n < ids.length; n++) {
      const square = (weights[n] as number) ** 2;
      all += square;
      if (taught.has(vocabulary.words[ids[n] as number] as string)) shared += square;
    }
    return Math.min(1, item.readable + (all === 0 ? 0 : shared / all / enough));
  };
}
