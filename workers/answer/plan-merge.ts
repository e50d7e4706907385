import type { Passage } from '../../src/retrieval/passage.ts';

/** What the best passage of a sub-question weighs beside the best one of the whole question. */
const subWeight = 0.5;

/**
 * The k best passages of a question and its sub-questions, best first, and at least the best of each while there is room: the
 * question's own first. A passage is worth the share of the best score of its list that it has, the question's own list in
 * full and the best of the others by `subWeight`; that is the score it is given. A chunk that is in a passage taken already
 * is not taken again.
 */
export function mergePassages(
  own: readonly Passage[],
  subs: readonly (readonly Passage[])[],
  k: number,
): Passage[] {
  const worth = new Map<string, { passage: Passage; own: number; sub: number }>();
  const add = (list: readonly Passage[], of: 'own' | 'sub') => {
    const best = Math.max(...list.map(({ score }) => score), 0);
    for (const passage of list) {
      const known = worth.get(passage.chunkId) ?? { passage, own: 0, sub: 0 };
      known[of] = Math.max(known[of], best > 0 ? Math.max(0, passage.score) / best : 0);
      worth.set(passage.chunkId, known);
    }
  };
  add(own, 'own');
  for (const sub of subs) add(sub, 'sub');
  const ranked = [...worth.values()]
    .map(({ passage, own: whole, sub }) => ({ ...passage, score: whole + subWeight * sub }))
    .sort((a, b) => b.score - a.score);
  const heads = [own, ...subs].flatMap((list) => list[0]?.chunkId ?? []);
  const taken = new Map<string, Passage>();
  const take = (passage: Passage | undefined) => {
    if (passage && taken.size < k && !isTold(passage, taken.values())) taken.set(passage.chunkId, passage);
  };
  for (const chunkId of heads) take(ranked.find((passage) => passage.chunkId === chunkId));
  for (const passage of ranked) take(passage);
  return [...taken.values()].sort((a, b) => b.score - a.score);
}

/** Whether all chunks of the passage stand in ones that are there. */
function isTold({ chunkId, parts }: Passage, taken: Iterable<Passage>): boolean {
  const chunks = new Set(
    [...taken].flatMap((one) => [one.chunkId, ...one.parts.map((part) => part.chunkId)]),
  );
  return chunks.has(chunkId) && parts.every((part) => chunks.has(part.chunkId));
}
