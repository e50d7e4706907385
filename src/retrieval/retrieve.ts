import type { Db } from '../db/connect.ts';
import { readPassages } from '../db/search.ts';
import {
  type Bm25,
  bm25Defaults,
  greatestScore,
  readWordStatistics,
  type WordStatistics,
} from '../db/search-words.ts';
import type { Embedder } from '../models/embedder.ts';
import { detectLanguage } from '../text/language.ts';
import { analyze, analyzeQuestion } from './analyze.ts';
import { byMeaning, leastReadable } from './by-meaning.ts';
import { byWords } from './by-words.ts';
import { diversify } from './diversify.ts';
import { coverage } from './held-words.ts';
import { hybrid } from './hybrid.ts';
import type { Evidence, Filters, Passage, QueryAnalysis, Retrieval, Strategy } from './passage.ts';
import { type Reranking, rerank } from './rerank.ts';
import { isSound } from './sounds.ts';
import { absolute, type Found, type Search, type StrategyFunction } from './strategy.ts';

/** Every way to search; a new one is a file, a name in passage.ts and a line here. */
export const strategyFunctions: Record<Strategy, StrategyFunction> = {
  keyword: byWords,
  vector: byMeaning,
  hybrid,
};

export interface RetrieveContext {
  db: Db;
  embedder: Embedder;
  /** Parameters of BM25; left out: the usual ones. */
  bm25?: Bm25 | undefined;
  /** Left out: the strategy's order stands. */
  reranking?: Reranking | undefined;
  signal?: AbortSignal | undefined;
}

export interface RetrieveOptions {
  /** Most passages to return. */
  k: number;
  strategy: Strategy;
  filters?: Filters | undefined;
  /** Most passages of one document while others could fill the list; no limit when left out. */
  maxPerDocument?: number | undefined;
}

const fewestCandidates = 50;
const candidatesPerPassage = 5;
/** Passages that an answer is usually made of: coverage asks what these say together. */
const coveringPassages = 5;

/**
 * The k best passages for the question under the filters, best first, with what speaks for them. Fewer where the corpus
 * has no more. Throws the abort reason; `embedding_unavailable` under strategy `vector` only.
 */
export async function retrieve(
  question: string,
  context: RetrieveContext,
  options: RetrieveOptions,
): Promise<Retrieval> {
  const { db, embedder, bm25 = bm25Defaults, reranking, signal } = context;
  const { k, strategy, filters, maxPerDocument } = options;
  signal?.throwIfAborted();
  const { words, sounds } = analyzeQuestion(question);
  const statistics = await readWordStatistics(db, [...words, ...sounds.keys()]);
  const asked = withoutSounds(statistics);
  const heard = soundsIn(statistics, sounds);
  const search: Search = {
    ...{ db, embedder, signal, question, filters, statistics, bm25 },
    limit: Math.max(candidatesPerPassage * k, fewestCandidates),
    greatestScore: greatestScore(asked, bm25),
    readable: embedder.reads(question),
  };
  const found = await rerank(search, await strategyFunctions[strategy](search), reranking);
  signal?.throwIfAborted();
  const { passages, covered } = await loadPassages(search, found, k, maxPerDocument);
  return {
    passages,
    strategy,
    candidates: found.candidates.length,
    corpusVersion: statistics.corpusVersion,
    taxonomyVersion: statistics.taxonomyVersion,
    evidence: weigh(search, found, coverage({ words: asked.words, sounds: heard }, covered)),
    analysis: {
      language: detectLanguage(question),
      words: asked.words.map(({ word, idf }) => ({ word, idf })),
      sounds: heard,
      vectorWeight: found.vectorWeight,
      rerank: found.rerank,
      notes: [...found.notes, ...soundNotes(statistics, sounds, strategy)],
    },
  };
}

/** A sound is another way to find a word, not one more word: what a passage could reach and covers is told by words. */
function withoutSounds(statistics: WordStatistics): WordStatistics {
  return { ...statistics, words: statistics.words.filter(({ word }) => !isSound(word)) };
}

/** Sounds that the corpus has, each with the question's index words that it stands for. */
function soundsIn({ words }: WordStatistics, sounds: ReadonlyMap<string, string>): QueryAnalysis['sounds'] {
  return words.flatMap(({ word: sound, idf, documents }) => {
    const word = documents > 0 ? sounds.get(sound) : undefined;
    return word === undefined ? [] : [{ sound, words: [...new Set(analyze(word).words)], idf }];
  });
}

function soundNotes(
  { words }: WordStatistics,
  sounds: ReadonlyMap<string, string>,
  strategy: Strategy,
): string[] {
  const found = words.flatMap(({ word, documents }) => (documents > 0 ? (sounds.get(word) ?? []) : []));
  if (strategy === 'vector' || found.length === 0) return [];
  return [`Also looked for by sound, as the other script writes them: ${[...new Set(found)].join(', ')}.`];
}

async function loadPassages(search: Search, { candidates }: Found, k: number, most: number | undefined) {
  const { db, statistics } = search;
  const wanted = Math.max(k, coveringPassages);
  const read = candidates.slice(0, most === undefined ? wanted : search.limit);
  const words = statistics.words.map(({ word }) => word);
  const rows = await readPassages(
    db,
    read.map(({ seq }) => seq),
    words,
  );
  const best =
    most === undefined ? read : diversify(read, ({ seq }) => rows.get(seq)?.documentId, { k, most });
  const covered = new Set<string>();
  const passages: Passage[] = [];
  for (const { seq, score, keyword, vector, rerank = null } of best) {
    const row = rows.get(seq);
    if (!row) continue;
    const { matched, ...passage } = row;
    if (passages.length < coveringPassages) for (const word of matched) covered.add(word);
    passages.push({ ...passage, score, keywordScore: keyword, vectorScore: vector, rerankScore: rerank });
  }
  return { passages: passages.slice(0, k), covered };
}

function weigh(search: Search, { candidates, agreement }: Found, coverage: number): Evidence {
  const keywords = candidates.map(({ keyword }) => keyword ?? 0);
  const vectors = candidates.flatMap(({ vector }) => vector ?? []);
  const compared = search.readable >= leastReadable && vectors.length > 0;
  return {
    keyword: absolute(Math.max(0, ...keywords), search.greatestScore),
    vector: compared ? Math.max(0, ...vectors) : null,
    coverage,
    agreement,
  };
}
