import { greatestScore } from '../db/search-words.ts';
import { analyzeQuestion } from './analyze.ts';
import { searchByExpansion } from './expansion.ts';
import { byScore, type Candidate, type Found, type Search } from './strategy.ts';
import { variantsOf } from './variants.ts';

/** What all variants together weigh beside the question itself, and what the words of its best passages do. */
const variantWeight = 0.5;
const expansionWeight = 0.3;
/** How much more each variant hands on than the question's own legs did. */
const broader = 2;
/** Share of the time that is left for the second pass: the passages have to be read after it. */
const share = 0.7;

/**
 * The second pass, broader than the first: variants of the question, each searched and fused in the same way, and the words of
 * the best passages; all found fused by weighted sums of scores (CombSUM: Fox & Shaw, Combination of Multiple Searches,
 * TREC-2, 1994). What the question itself did not find has only the second pass' score. Out of time, the first pass stands.
 */
export async function searchWider(
  search: Search,
  first: Found,
  pass: (variant: Search) => Promise<Found>,
): Promise<Found> {
  const variants = variantsOf(search.question, search.statistics.words);
  const wide = { ...search, limit: search.limit * broader };
  const passes = await inTime(search, (signal) =>
    Promise.all([
      searchByExpansion({ ...wide, signal }, first.candidates),
      ...variants.map(async (text) => (await pass({ ...variantSearch(wide, text), signal })).candidates),
    ]),
  );
  if (!passes) return withNote(first, 'Second pass: out of time, left out.');
  const [expanded = [], ...others] = passes;
  const weighed = [
    { candidates: expanded, weight: expansionWeight },
    ...others.map((candidates) => ({ candidates, weight: variantWeight / others.length })),
  ];
  const asked = ['the words of the best passages', ...variants.map((text) => JSON.stringify(text))];
  return withNote(
    { ...first, candidates: merge(first.candidates, weighed) },
    `Second pass: ${asked.join(', ')}.`,
  );
}

/** The same search for another text: its words are among the question's, so their statistics are known. */
function variantSearch(search: Search, question: string): Search {
  const asked = analyzeQuestion(question);
  const own = new Set([...asked.words, ...asked.sounds.keys()]);
  const words = search.statistics.words.filter(({ word }) => own.has(word));
  const statistics = { ...search.statistics, words };
  const scale = { ...statistics, words: words.filter(({ word }) => asked.words.includes(word)) };
  return {
    ...search,
    ...{ question, statistics },
    greatestScore: greatestScore(scale, search.bm25),
    readable: search.embedder.reads(question),
  };
}

/** Undefined where the time ran out; what runs on then is nobody's any more. */
async function inTime<T>(
  { signal, until }: Search,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const ms = until === undefined ? 60_000 : share * (until - performance.now());
  const late = AbortSignal.timeout(Math.max(1, Math.floor(ms)));
  const both = signal ? AbortSignal.any([signal, late]) : late;
  const running = run(both);
  const ended = new Promise<undefined>((resolve) => {
    late.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  try {
    return await Promise.race([running, ended]);
  } catch (error) {
    if (signal?.aborted || !late.aborted) throw error;
    return undefined;
  } finally {
    // A rejection after the race has nobody else to hear it.
    running.catch(() => undefined);
  }
}

interface Weighed {
  candidates: readonly Candidate[];
  weight: number;
}

/** Sums over 1 and all weights, so that scores stay within 0…1. */
function merge(first: readonly Candidate[], passes: readonly Weighed[]): Candidate[] {
  const total = 1 + passes.reduce((sum, { weight }) => sum + weight, 0);
  const merged = new Map(
    first.map((candidate) => [candidate.seq, { ...candidate, score: candidate.score / total }]),
  );
  for (const { candidates, weight } of passes)
    for (const candidate of candidates) {
      // Its cosine is that of another text than the question.
      const known = merged.get(candidate.seq) ?? { ...candidate, vector: null, score: 0 };
      merged.set(candidate.seq, { ...known, score: known.score + (weight * candidate.score) / total });
    }
  return [...merged.values()].sort(byScore);
}

function withNote(found: Found, note: string): Found {
  return { ...found, notes: [...found.notes, note] };
}
