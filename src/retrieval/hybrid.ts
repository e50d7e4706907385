import type { KnownChunk, ScoredChunk } from '../db/search.ts';
import { type QueryVector, readMeaning, searchMeaning } from '../db/search-meaning.ts';
import { readWords, searchWords } from '../db/search-words.ts';
import { AppError } from '../errors.ts';
import { embedQuestion, leastReadable } from './by-meaning.ts';
import { byWords } from './by-words.ts';
import { type Evidences, fuse, readableAmong, weightFor } from './fuse.ts';
import type { Found, Search } from './strategy.ts';

/** Characters of a passage by which its readability is judged. */
const judged = 200;
const agreementDepth = 3;
/** From here on what the model does not read is not worth a note. */
const wellRead = 0.9;

/** What both legs found, before it is decided how much each counts. */
export interface Legs {
  evidences: Evidences[];
  /** Of the vector leg beside the keyword leg's 1. */
  weight: number;
  agreement: boolean;
  notes: string[];
}

/**
 * Both legs, fused. Each finds its best chunks, of which the other's score is looked up as soon as they are known, so that no
 * chunk is marked down for standing just below a leg's cut. As many of the best by words as passages are wanted are proven;
 * of the others, which rarely get far, those that were read. Without a readable question or an embedding model, keyword
 * search and a note.
 */
export async function hybrid(search: Search): Promise<Found> {
  const { legs, words } = await searchBoth(search);
  return legs ? fuseLegs(legs, search.greatestScore) : words;
}

export function fuseLegs({ evidences, weight, agreement, notes }: Legs, greatestScore: number): Found {
  return {
    candidates: fuse(evidences, weight, greatestScore),
    vectorWeight: weight,
    agreement,
    notes: [`Fused: cosine counts ${weight.toFixed(2)} beside BM25 over its greatest score.`, ...notes],
  };
}

/** What both legs found; by words alone where there is no vector leg. */
export async function searchBoth(
  search: Search,
): Promise<{ legs: Legs; words?: undefined } | { legs?: undefined; words: Found }> {
  if (search.readable < leastReadable) {
    return wordsOnly(search, 'The embedding model can not read the question: keyword search only.');
  }
  const query = await embed(search);
  if (!query) return wordsOnly(search, 'The embedding model is unavailable: keyword search only.');
  const [words, meaning] = await Promise.all([findByWords(search, query), findByMeaning(search, query)]);
  const evidences = join(search, words, meaning);
  const corpus = readableAmong(evidences);
  const notes = [readNote('question', search.readable), readNote('best passages by words', corpus)].flat();
  const weight = weightFor(search.readable * corpus, search.greatestScore);
  return { legs: { evidences, weight, agreement: agree(words.found, meaning.found), notes } };
}

function readNote(what: string, readable: number): string[] {
  if (readable >= wellRead) return [];
  return [`The embedding model reads ${Math.round(readable * 100)} % of the ${what}: it counts less.`];
}

async function wordsOnly(search: Search, note: string): Promise<{ words: Found }> {
  const found = await byWords(search);
  return { words: { ...found, notes: [note, ...found.notes] } };
}

/** Undefined when the model is unavailable; every other error passes. */
async function embed(search: Search): Promise<QueryVector | undefined> {
  try {
    return await embedQuestion(search);
  } catch (error) {
    if (error instanceof AppError && error.code === 'embedding_unavailable') return undefined;
    throw error;
  }
}

/** What one leg found, best first, with the other's scores of the same chunks and their first characters. */
interface Leg {
  found: ScoredChunk[];
  known: KnownChunk[];
}

async function findByWords({ db, statistics, k, ...search }: Search, query: QueryVector): Promise<Leg> {
  const found = await searchWords(db, statistics, { ...search, certain: k });
  return { found, known: found.length > 0 ? await readMeaning(db, query, seqsOf(found), judged) : [] };
}

async function findByMeaning({ db, statistics, ...search }: Search, query: QueryVector): Promise<Leg> {
  const found = await searchMeaning(db, query, search);
  const seqs = seqsOf(found);
  return {
    found,
    known: found.length > 0 ? await readWords(db, statistics, seqs, judged, search.bm25) : [],
  };
}

function seqsOf(chunks: readonly ScoredChunk[]): number[] {
  return chunks.map(({ seq }) => seq);
}

/** Both scores, and readability, of every chunk that either leg found. */
function join({ embedder }: Search, words: Leg, meaning: Leg): Evidences[] {
  const keywords = toMap([...meaning.known, ...words.found]);
  const vectors = toMap([...words.known, ...meaning.found]);
  const beginnings = new Map([...words.known, ...meaning.known].map((one) => [one.seq, one.beginning]));
  const seqs = seqsOf([...words.found, ...meaning.found]);
  return [...new Set(seqs)].map((seq) => ({
    seq,
    keyword: keywords.get(seq) ?? null,
    vector: vectors.get(seq) ?? null,
    readable: embedder.reads(beginnings.get(seq) ?? ''),
  }));
}

function toMap(chunks: readonly (ScoredChunk | KnownChunk)[]): Map<number, number | null> {
  return new Map(chunks.map(({ seq, score }) => [seq, score]));
}

function agree(words: readonly ScoredChunk[], meaning: readonly ScoredChunk[]): boolean {
  const first = new Set(words.slice(0, agreementDepth).map(({ seq }) => seq));
  return meaning.slice(0, agreementDepth).some(({ seq }) => first.has(seq));
}
