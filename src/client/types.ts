import type { z } from 'zod';
import type { answerSchema } from '../api/answer-resource.ts';
import type { documentSchema } from '../api/document-resource.ts';
import type { searchResponse } from '../api/search.ts';

// Types alone, of the very schemas that the service validates with and describes itself by in OpenAPI: nothing of them is
// left when this runs.
export type Answer = z.output<typeof answerSchema>;
export type Document = z.output<typeof documentSchema>;
export type SearchResult = z.output<typeof searchResponse>;

/** What a question may say beside its text; further fields of the API go through as they are. */
export interface AskOptions {
  mode?: 'answer' | 'summary' | 'keypoints';
  final_topk?: number;
  filters?: Filters;
  strategy?: 'auto' | 'keyword' | 'vector' | 'hybrid';
  merge_neighbours?: boolean;
  expand?: 'none' | 'neighbours' | 'section';
  deadline_ms?: number;
  webhook?: { url: string; events?: string[]; secret?: string };
  [field: string]: unknown;
}

export interface SearchOptions {
  max_results?: number;
  search_mode?: 'hybrid' | 'bm25' | 'vector';
  filters?: Filters;
  [field: string]: unknown;
}

export interface Filters {
  canonical_in?: string[][];
  document_ids?: string[];
  metadata?: Record<string, unknown>;
}

/** What is said of a document beside its content, as the API has it. */
export interface DocumentFields {
  title?: string;
  external_id?: string;
  source_url?: string;
  author?: string;
  language?: string;
  taxonomy_path?: string[];
  metadata?: Record<string, unknown>;
  priority?: number;
  [field: string]: unknown;
}

/** How an answer can end, as events name it. */
export const terminalEvents = ['completed', 'failed', 'cancelled', 'expired'] as const;

/** An event of an answer. `id` grows; `data` is what the API says of `type`. */
export type AnswerEvent = { id: string } & (
  | { type: 'delta'; data: { text: string } }
  /** What came as deltas so far is void. */
  | { type: 'restart'; data: { reason: string } }
  | { type: 'step' | 'source'; data: Record<string, unknown> }
  /** The answer as `wait` would give it. */
  | { type: (typeof terminalEvents)[number]; data: Answer }
);

export interface WaitOptions {
  /** Milliseconds; two minutes unless told otherwise. */
  timeoutMs?: number;
  signal?: AbortSignal;
}
