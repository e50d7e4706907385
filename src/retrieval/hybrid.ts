import { readBeginnings, type ScoredChunk } from '../db/search.ts';
import { type QueryVector, scoreMeaning, searchMeaning } from '../db/search-meaning.ts';
import { findScope } from '../db/search-scope.ts';
import { scoreWords, searchWords } from '../db/search-words.ts';
import { hasVectorIndex } from '../db/vector-index.ts';
import { AppError } from '../errors.ts';
import { embedQuestion, leastReadable } from './by-meaning.ts';
import { byWords } from './by-words.ts';
import { fuse, readableAmong, weightFor } from './fuse.ts';
import type { Found, Search } from './strategy.ts';

/** Characters of a passage by which its readability is judged. */
const judged = 200;
const agreementDepth = 3;
/** From here on what the model does not read is not worth a note. */
const wellRead = 0.9;

/**
 * Both legs, fused. Each finds its best chunks; then every one of them is scored by both, so that no chunk is marked down
 * for standing just below a leg's cut. Without a readable question or an embedding model, keyword search and a note.
 */
export async function hybrid(search: Search): Promise<Found> {
  if (search.readable < leastReadable) {
    return wordsOnly(search, 'The embedding model can not read the question: keyword search only.');
  }
  // What both legs need to know is found once, while the model reads the question; then they run side by side.
  const { db, embedder } = search;
  const [query, scope, indexed] = await Promise.all([
    embed(search),
    findScope(db, search.filters),
    hasVectorIndex(db, embedder.model, embedder.dimensions),
  ]);
  if (!query) return wordsOnly(search, 'The embedding model is unavailable: keyword search only.');
  const [words, meaning] = await Promise.all([
    searchWords(db, search.statistics, { ...search, scope }),
    searchMeaning(db, query, { ...search, scope, indexed }),
  ]);
  const evidences = await score(search, query, words, meaning);
  const corpus = readableAmong(evidences);
  const weight = weightFor(search.readable * corpus, search.greatestScore);
  return {
    candidates: fuse(evidences, weight, search.greatestScore),
    vectorWeight: weight,
    agreement: agree(words, meaning),
    notes: [
      `Fused: cosine counts ${weight.toFixed(2)} beside BM25 over its greatest score.`,
      ...[readNote('question', search.readable), readNote('best passages by words', corpus)].flat(),
    ],
  };
}

function readNote(what: string, readable: number): string[] {
  if (readable >= wellRead) return [];
  return [`The embedding model reads ${Math.round(readable * 100)} % of the ${what}: it counts less.`];
}

async function wordsOnly(search: Search, note: string): Promise<Found> {
  const found = await byWords(search);
  return { ...found, notes: [note, ...found.notes] };
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

/** Both scores, and readability, of every chunk that either leg found. */
async function score(search: Search, query: QueryVector, words: ScoredChunk[], meaning: ScoredChunk[]) {
  const { db, statistics, embedder } = search;
  const keyword = toMap(words);
  const vector = toMap(meaning);
  const seqs = [...new Set([...keyword.keys(), ...vector.keys()])];
  const [moreWords, moreMeaning, beginnings] = await Promise.all([
    scoreWords(
      db,
      statistics,
      seqs.filter((seq) => !keyword.has(seq)),
      search.bm25,
    ),
    scoreMeaning(
      db,
      query,
      seqs.filter((seq) => !vector.has(seq)),
    ),
    readBeginnings(db, seqs, judged),
  ]);
  const keywords = new Map([...keyword, ...toMap(moreWords)]);
  const vectors = new Map([...vector, ...toMap(moreMeaning)]);
  return seqs.map((seq) => ({
    seq,
    keyword: keywords.get(seq) ?? null,
    vector: vectors.get(seq) ?? null,
    readable: embedder.reads(beginnings.get(seq) ?? ''),
  }));
}

function toMap(chunks: readonly ScoredChunk[]): Map<number, number> {
  return new Map(chunks.map(({ seq, score }) => [seq, score]));
}

function agree(words: readonly ScoredChunk[], meaning: readonly ScoredChunk[]): boolean {
  const first = new Set(words.slice(0, agreementDepth).map(({ seq }) => seq));
  return meaning.slice(0, agreementDepth).some(({ seq }) => first.has(seq));
}
