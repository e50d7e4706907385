import type { CaseMatch } from '../cases.ts';
import type { Db } from '../db/connect.ts';
import type { ScopeCache } from '../db/scope-cache.ts';
import { readPassages } from '../db/search.ts';
import { findScope } from '../db/search-scope.ts';
import {
  type Bm25,
  bm25Defaults,
  greatestScore,
  readWordStatistics,
  type WordStatistics,
} from '../db/search-words.ts';
import { hasVectorIndex } from '../db/vector-index.ts';
import type { Embedder } from '../models/embedder.ts';
import { detectLanguage } from '../text/language.ts';
import { type AskedWords, analyze, analyzeQuestion, wordsOf } from './analyze.ts';
import { branchNotes } from './branch-notes.ts';
import { byMeaning, leastReadable } from './by-meaning.ts';
import { byWords } from './by-words.ts';
import { type Decide, decided } from './decided.ts';
import { diversify } from './diversify.ts';
import { expandStretches } from './expand.ts';
import { coverage } from './held-words.ts';
import { hybrid } from './hybrid.ts';
import type { Evidence, Expand, Filters, Passage, QueryAnalysis, Retrieval, Strategy } from './passage.ts';
import { type Reranking, rerank } from './rerank.ts';
import { isSound } from './sounds.ts';
import { absolute, type Candidate, type Found, type Search, type StrategyFunction } from './strategy.ts';
import {
  alone,
  type FoundChunk,
  firstOf,
  joinNeighbours,
  lastOf,
  type Stretch,
  textOf,
} from './stretches.ts';
import { withCases } from './with-cases.ts';

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
  /** Whether the model's vectors have an index; left out: it is looked up. */
  indexed?: boolean | undefined;
  /** Left out: the question is analysed. */
  asking?: AskedWords | undefined;
  /** Of those words, as the asking key sees them; left out: they are read. */
  statistics?: WordStatistics | undefined;
  /** What filters left before; left out: it is found anew. */
  scopes?: ScopeCache | undefined;
  signal?: AbortSignal | undefined;
}

export interface RetrieveOptions {
  /** Most passages to return. */
  k: number;
  strategy: Strategy;
  filters?: Filters | undefined;
  /** Most passages of one document while others could fill the list; no limit when left out. */
  maxPerDocument?: number | undefined;
  /** Joins found chunks that follow each other to one passage; k counts what that leaves. */
  merge?: boolean | undefined;
  expand?: Expand | undefined;
  /** Decides what is made of both legs, in the place of strategy `hybrid`. */
  decide?: Decide | undefined;
  /** Milliseconds from now until which the result is wanted. */
  withinMs?: number | undefined;
  /** Earlier answers that the question is like; left out: nobody looked for any. */
  cases?: CasesFound | undefined;
}

export interface CasesFound {
  matches: CaseMatch[];
  /** Why there are none. */
  note?: string;
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
  const { db, embedder, bm25 = bm25Defaults, indexed: has, reranking, scopes, signal } = context;
  const { k, strategy, filters, decide, withinMs } = options;
  const until = withinMs === undefined ? undefined : performance.now() + withinMs;
  signal?.throwIfAborted();
  const { asking = analyzeQuestion(question) } = context;
  const { sounds } = asking;
  const [statistics, scope, indexed, branches] = await Promise.all([
    context.statistics ?? readWordStatistics(db, wordsOf(asking), filters?.access),
    findScope(db, filters, scopes),
    strategy !== 'keyword' && (has ?? hasVectorIndex(db, embedder.model, embedder.dimensions)),
    branchNotes(db, filters),
  ]);
  const asked = withoutSounds(statistics);
  const heard = soundsIn(statistics, sounds);
  const search: Search = {
    ...{ db, embedder, signal, question, scope, indexed, statistics, bm25, k, until },
    access: filters?.access,
    limit: Math.max(candidatesPerPassage * k, fewestCandidates),
    greatestScore: greatestScore(asked, bm25),
    readable: embedder.reads(question),
  };
  const { matches = [], note } = options.cases ?? {};
  const searched = decide ? await decided(search, decide) : await strategyFunctions[strategy](search);
  const found = await rerank(search, await withCases(search, searched, strategy, matches), reranking);
  signal?.throwIfAborted();
  const { passages, covered, notes } = await loadPassages(search, found, options);
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
      notes: [
        ...branches,
        ...found.notes,
        ...(note ? [note] : []),
        ...soundNotes(statistics, sounds, strategy),
        ...notes,
      ],
    },
    ...(matches.length > 0 && { cases: matches }),
  };
}

/** A sound is another way to find a word, not one more word: what a passage could reach and covers is told by words. */
function withoutSounds(statistics: WordStatistics): WordStatistics {
  return { ...statistics, words: statistics.words.filter(({ word }) => !isSound(word)) };
}

/** Sounds that the corpus has, each with the question's index words that it stands for. */
function soundsIn({ words }: WordStatistics, sounds: ReadonlyMap<string, string>): QueryAnalysis['sounds'] {
  return words.flatMap(({ word: sound, idf, known }) => {
    const word = known ? sounds.get(sound) : undefined;
    return word === undefined ? [] : [{ sound, words: [...new Set(analyze(word).words)], idf }];
  });
}

function soundNotes(
  { words }: WordStatistics,
  sounds: ReadonlyMap<string, string>,
  strategy: Strategy,
): string[] {
  const found = words.flatMap(({ word, known }) => (known ? (sounds.get(word) ?? []) : []));
  if (strategy === 'vector' || found.length === 0) return [];
  return [`Also looked for by sound, as the other script writes them: ${[...new Set(found)].join(', ')}.`];
}

/** The k best passages of the candidates, and the question's words that the best chunks hold. */
async function loadPassages(search: Search, { candidates }: Found, options: RetrieveOptions) {
  const { k, maxPerDocument: most, merge = false, expand = 'none' } = options;
  const words = search.statistics.words.map(({ word }) => word);
  const chunks: FoundChunk[] = [];
  let stretches: Stretch[] = [];
  // Neighbours that are joined make room for others; how many is known only once they are read.
  for (let read = 0; read < candidates.length; ) {
    const wanted = most !== undefined ? search.limit : Math.max(k, coveringPassages);
    const next = candidates.slice(read, read + wanted);
    read += wanted;
    chunks.push(...(await readChunks(search.db, next, words)));
    stretches = merge ? joinNeighbours(chunks, most === undefined ? k : chunks.length) : chunks.map(alone);
    if (stretches.length >= k || !merge) break;
  }
  const documentOf = ({ best }: Stretch) => best.row.documentId;
  const best = most === undefined ? stretches.slice(0, k) : diversify(stretches, documentOf, { k, most });
  const joined = best.reduce((sum, stretch) => sum + stretch.chunks.length - 1, 0);
  const added = await expandStretches(search.db, best, expand);
  return {
    passages: best.map(toPassage),
    covered: new Set(chunks.slice(0, coveringPassages).flatMap(({ row }) => row.matched)),
    notes: [
      ...(joined > 0 ? [`Joined: ${joined} chunks to the better one beside them.`] : []),
      ...(added > 0 ? [`Expanded (${expand}): ${added} chunks around what was found were added.`] : []),
    ],
  };
}

/** Candidates as stored, in their order; one that was deleted or replaced meanwhile is left out. */
async function readChunks(db: Db, candidates: readonly Candidate[], words: string[]): Promise<FoundChunk[]> {
  const seqs = candidates.map(({ seq }) => seq);
  const rows = await readPassages(db, seqs, words);
  return candidates.flatMap(({ seq, ...found }) => {
    const row = rows.get(seq);
    return row ? [{ ...found, row }] : [];
  });
}

function toPassage(stretch: Stretch): Passage {
  const { row, score, keyword, vector, rerank: rerankScore = null } = stretch.best;
  const { matched: _matched, gap: _gap, ...passage } = row;
  const { start, page, heading, context } = firstOf(stretch);
  return {
    ...passage,
    ...{ start, end: lastOf(stretch).end, page, heading, context, text: textOf(stretch.chunks) },
    parts: stretch.chunks.map((chunk) => ({ chunkId: chunk.chunkId, start: chunk.start, page: chunk.page })),
    ...{ score, keywordScore: keyword, vectorScore: vector, rerankScore },
  };
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
