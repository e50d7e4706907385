import { greatestScore } from '../db/search-words.ts';
import { analyzeQuestion } from './analyze.ts';
import { byScore, type Candidate, type Found, type Search } from './strategy.ts';
import { variantsOf } from './variants.ts';

/** What all variants together weigh beside the question itself. */
const variantWeight = 0.5;
/** How much more each variant hands on than the question's own legs did. */
const broader = 2;
/** Share of the time that is left for the second pass: the passages have to be read after it. */
const share = 0.7;

/**
 * The second pass: variants of the question, each searched more broadly and fused in the same way, and all found fused by
 * weighted sums of their scores (CombSUM: Fox & Shaw, Combination of Multiple Searches, TREC-2, 1994). What the question
 * itself did not find has only the variants' score. Out of time, the first pass stands, with a note.
 */
export async function searchWider(
  search: Search,
  first: Found,
  pass: (variant: Search) => Promise<Found>,
): Promise<Found> {
  const variants = variantsOf(search.question, search.statistics.words);
  if (variants.length === 0) return withNote(first, 'Second pass: the question has no variants.');
  const passes = await inTime(search, (signal) =>
    Promise.all(variants.map((text) => pass({ ...variantSearch(search, text), signal }))),
  );
  if (!passes) return withNote(first, 'Second pass: out of time, left out.');
  return withNote(
    { ...first, candidates: merge(first.candidates, passes) },
    `Second pass: ${variants.map((text) => JSON.stringify(text)).join(', ')}.`,
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
    ...{ question, statistics, limit: search.limit * broader },
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

function merge(first: readonly Candidate[], passes: readonly Found[]): Candidate[] {
  const share = variantWeight / passes.length;
  const merged = new Map<number, Candidate>();
  const add = (candidate: Candidate, weight: number) => {
    const known = merged.get(candidate.seq);
    const score = (known?.score ?? 0) + (weight * candidate.score) / (1 + variantWeight);
    merged.set(candidate.seq, { ...(known ?? { ...candidate, vector: null }), score });
  };
  for (const candidate of first) merged.set(candidate.seq, { ...candidate, score: 0 });
  for (const candidate of first) add(candidate, 1);
  for (const { candidates } of passes) for (const candidate of candidates) add(candidate, share);
  return [...merged.values()].sort(byScore);
}

function withNote(found: Found, note: string): Found {
  return { ...found, notes: [...found.notes, note] };
}
