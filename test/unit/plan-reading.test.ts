import { expect, it } from 'vitest';
import { greatestImpact, impactOf } from '../../src/db/impacts.ts';
import {
  postingsRead,
  rankClasses,
  readRareFirst,
  readUntil,
  unreadBound,
  unreadByLength,
} from '../../src/db/plan-reading.ts';
import { bm25Defaults } from '../../src/db/search-words.ts';
import { seededRandom } from '../../src/evaluation/random.ts';

const random = seededRandom(7);
const below = (most: number) => Math.floor(random() * most);
const averageLength = 80;

/** Chunks of some lengths, each with the frequencies of the words that it holds. */
function makeChunks(words: number) {
  return Array.from({ length: 2000 }, () => ({
    length: 1 + below(400),
    frequencies: Array.from({ length: words }, (_, word) => (below(word + 2) === 0 ? 1 + below(4) : 0)),
  }));
}

type Chunk = ReturnType<typeof makeChunks>[number];

/** What an index of the chunks has of each word. */
function index(chunks: readonly Chunk[], words: number) {
  return Array.from({ length: words }, (_, word) => {
    const counts = new Map<number, number>();
    for (const { length, frequencies } of chunks) {
      const frequency = frequencies[word] as number;
      if (frequency === 0) continue;
      const impact = impactOf(frequency, length);
      counts.set(impact, (counts.get(impact) ?? 0) + 1);
    }
    const impacts = [...counts].map(([impact, postings]) => ({ impact, postings }));
    return { idf: 0.2 + word, impacts };
  });
}

/** The most that is left unread of a chunk, and whether anything of it is read. */
function judge({ length, frequencies }: Chunk, idfs: number[], read: ReturnType<typeof readUntil>) {
  let [unread, seen] = [0, false];
  for (const [word, frequency] of frequencies.entries()) {
    if (frequency === 0) continue;
    const impact = impactOf(frequency, length);
    if (read[word]?.impacts.includes(impact)) seen = true;
    else unread += (idfs[word] as number) * greatestImpact(impact, bm25Defaults, averageLength);
  }
  return { unread, seen, step: impactOf(1, length) % 16 };
}

it('leaves no chunk unseen that could score as much as it says', () => {
  for (let round = 0; round < 6; round++) {
    const words = 1 + below(8);
    const chunks = makeChunks(words);
    const statistics = index(chunks, words);
    const idfs = statistics.map(({ idf }) => idf);
    const ranked = rankClasses(statistics, bm25Defaults, averageLength);
    // With a threshold that nothing reaches, nothing is read.
    const whole = unreadBound(readUntil(ranked, Number.MAX_VALUE));
    const threshold = whole * (0.1 + 0.8 * random());
    const enough = readUntil(ranked, threshold);
    expect(unreadBound(enough)).toBeLessThan(threshold);
    expect(postingsRead(ranked, enough)).toBeGreaterThan(0);
    for (const read of [enough, readRareFirst(ranked, 500)]) {
      const bounds = unreadByLength(read);
      expect(unreadBound(read)).toBe(Math.max(...bounds));
      for (const chunk of chunks) {
        const { unread, seen, step } = judge(chunk, idfs, read);
        expect(unread).toBeLessThanOrEqual(bounds[step] as number);
        if (read === enough && !seen) expect(unread).toBeLessThan(threshold);
      }
    }
  }
});

it('reads nothing of chunks that are too long to matter', () => {
  const long = { length: 5000, frequencies: [1, 1] };
  const short = { length: 10, frequencies: [1, 1] };
  const ranked = rankClasses(index([long, short], 2), bm25Defaults, averageLength);
  const [first, second] = readUntil(ranked, 0.5);
  expect([...(first?.impacts ?? []), ...(second?.impacts ?? [])]).not.toContain(impactOf(1, long.length));
  expect(second?.impacts).toEqual([impactOf(1, short.length)]);
});
