import { type JudgedChunk, judgeByMeaning, judgeByWords } from '../db/judge-chunks.ts';
import type { ScoredChunk } from '../db/search.ts';
import { type QueryVector, searchMeaning } from '../db/search-meaning.ts';
import { searchWords } from '../db/search-words.ts';
import { AppError } from '../errors.ts';
import { embedQuestion, leastReadable } from './by-meaning.ts';
import { byWords } from './by-words.ts';
import { type Evidences, fuse, readableAmong, weightFor } from './fuse.ts';
import type { Found, Search } from './strategy.ts';

/** Characters of a passage by which its readability is judged. */
const judgedLength = 200;
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
  // Words need no vector: they are searched for while the question is embedded.
  const embedding = embed(search);
  const [words, meaning] = await Promise.all([
    findByWords(search, embedding),
    findByMeaning(search, embedding),
  ]);
  if (!meaning) return wordsOnly(search, 'The embedding model is unavailable: keyword search only.');
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

/** What one leg found, best first, and with the other's scores of the same chunks their first characters. */
interface Leg {
  found: ScoredChunk[];
  judged: JudgedChunk[];
}

async function findByWords(
  { db, statistics, k, ...search }: Search,
  embedding: Promise<QueryVector | undefined>,
): Promise<Leg> {
  const [found, query] = await Promise.all([
    searchWords(db, statistics, { ...search, certain: k }),
    embedding,
  ]);
  const seqs = found.map(({ seq }) => seq);
  return { found, judged: query ? await judgeByMeaning(db, query, seqs, judgedLength) : [] };
}

/** Undefined without a model. */
async function findByMeaning(
  { db, statistics, ...search }: Search,
  embedding: Promise<QueryVector | undefined>,
): Promise<Leg | undefined> {
  const query = await embedding;
  if (!query) return undefined;
  const found = await searchMeaning(db, query, search);
  const seqs = found.map(({ seq }) => seq);
  return { found, judged: await judgeByWords(db, statistics, seqs, judgedLength, search.bm25) };
}

/** Both scores, and readability, of every chunk that either leg found. */
function join({ embedder }: Search, words: Leg, meaning: Leg): Evidences[] {
  const keywords = toMap([...words.found, ...meaning.judged]);
  const vectors = toMap([...meaning.found, ...words.judged]);
  const beginnings = new Map([...words.judged, ...meaning.judged].map((one) => [one.seq, one.beginning]));
  const seqs = [...words.found, ...meaning.found].map(({ seq }) => seq);
  return [...new Set(seqs)].map((seq) => ({
    seq,
    keyword: keywords.get(seq) ?? null,
    vector: vectors.get(seq) ?? null,
    readable: embedder.reads(beginnings.get(seq) ?? ''),
  }));
}

function toMap(chunks: readonly { seq: number; score: number | null }[]): Map<number, number> {
  return new Map(chunks.flatMap(({ seq, score }) => (score === null ? [] : [[seq, score] as const])));
}

function agree(words: readonly ScoredChunk[], meaning: readonly ScoredChunk[]): boolean {
  const first = new Set(words.slice(0, agreementDepth).map(({ seq }) => seq));
  return meaning.slice(0, agreementDepth).some(({ seq }) => first.has(seq));
}
