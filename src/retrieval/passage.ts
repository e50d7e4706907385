import type { Access } from '../access.ts';
import type { CaseMatch } from '../cases.ts';
import type { RerankReport } from './rerank.ts';

/** What search may see. Every list narrows; all are enforced in SQL. An empty list lets nothing through. */
export interface Filters {
  /** Taxonomy path prefixes: a document passes when its path starts with any of them. */
  canonicalIn?: string[][];
  documentIds?: string[];
  collections?: string[];
  /** A document passes when its metadata contains this object (jsonb `@>`). */
  metadata?: Record<string, unknown>;
  /** What the key that asks is restricted to. */
  access?: Access;
}

export const strategies = ['keyword', 'vector', 'hybrid'] as const;
export type Strategy = (typeof strategies)[number];

export const expansions = ['none', 'neighbours', 'section'] as const;
/** What a passage grows by before it is returned: nothing, the chunks beside it, or its section. */
export type Expand = (typeof expansions)[number];

/**
 * A chunk as search found it, with what a citation needs. Chunks that follow it may be joined to it: then text, offsets,
 * page, heading and context are those of all, and everything else of the best one.
 */
export interface Passage {
  chunkSeq: number;
  chunkId: string;
  /** All chunks of the passage in their order, the best one among them, with where they begin. */
  parts: { chunkId: string; start: number; page: number | null }[];
  documentId: string;
  version: number;
  /** Position among the chunks of its version, from 0. */
  n: number;
  /** UTF-16 offsets of `text` in the version's text. */
  start: number;
  end: number;
  page: number | null;
  heading: string | null;
  /** Header row or lead-in of the table or list in whose midst it begins; no part of the text. */
  context: string | null;
  text: string;
  title: string | null;
  sourceUrl: string | null;
  author: string | null;
  date: string | null;
  contentType: string;
  language: string | null;
  taxonomyPath: string[];
  metadata: Record<string, unknown>;
  /** What the passages are ordered by; comparable within one retrieval only. */
  score: number;
  /** BM25 score, unbounded; null when the keyword leg did not find the chunk. */
  keywordScore: number | null;
  /** Cosine similarity −1…1; null when the vector leg did not find the chunk. */
  vectorScore: number | null;
  /** Judgement of the reranker 0…1; null when it was not shown the chunk. */
  rerankScore: number | null;
  /** Where it is no chunk of a document but what a tool said for this answer: then ids, offsets and scores are its own. */
  tool?: ToolOrigin;
}

export interface ToolOrigin {
  /** `server.tool` */
  name: string;
  server: string;
  argumentsHash: string;
  calledAt: Date;
}

/** Absolute signals of how well the corpus answers the question: comparable between questions and corpora. */
export interface Evidence {
  /** Best BM25 score over the greatest score that the question's words could reach, 0…1; 0 without the keyword leg. */
  keyword: number;
  /** Best cosine similarity, 0…1; null without the vector leg or where the model can't read the question. */
  vector: number | null;
  /** Share of the question's idf mass whose words stand in the best passages together, 0…1. */
  coverage: number;
  /** Whether both legs put the same chunk among their first three; null when only one leg ran. */
  agreement: boolean | null;
}

export interface QueryAnalysis {
  language: string;
  /** Index words of the question with their inverse document frequency. */
  words: { word: string; idf: number }[];
  /** Sounds of its words that passages of the other script have, with the index words that each stands for. */
  sounds: { sound: string; words: string[]; idf: number }[];
  /** Weight of the vector leg in fusion; 0 when its model can't read the question. */
  vectorWeight: number;
  /** null without a reranker. */
  rerank: RerankReport | null;
  /** What was done and why, in plain sentences. */
  notes: string[];
}

export interface Retrieval {
  passages: Passage[];
  strategy: Strategy;
  /** Distinct chunks considered by the legs before the cut to k. */
  candidates: number;
  corpusVersion: number;
  taxonomyVersion: string;
  evidence: Evidence;
  analysis: QueryAnalysis;
  /** Earlier answers that helped, the likest first; left out where none did. */
  cases?: CaseMatch[];
}
