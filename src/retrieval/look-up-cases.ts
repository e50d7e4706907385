import { setTimeout as pause } from 'node:timers/promises';
import { type CaseMatch, leastLikeness } from '../cases.ts';
import { findCases } from '../db/cases.ts';
import type { Db } from '../db/connect.ts';
import { readWordStatistics } from '../db/search-words.ts';
import { AppError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Embedder } from '../models/embedder.ts';
import { analyze } from './analyze.ts';
import { leastReadable } from './by-meaning.ts';
import type { Filters } from './passage.ts';

export interface CaseLookup {
  db: Db;
  embedder: Embedder;
  metrics: Metrics;
  /** Whose cases. */
  apiKeyId: string;
  filters: Filters;
  /** Milliseconds: cases that take longer are done without. */
  withinMs: number;
  signal?: AbortSignal | undefined;
}

/** Cases that help at a time. */
const most = 3;

/** What the case bank has on the question; null where it took too long. */
export async function lookUpCases(question: string, lookup: CaseLookup): Promise<CaseMatch[] | null> {
  const { db, metrics, apiKeyId, filters, withinMs } = lookup;
  const query = await embedAsked(question, lookup);
  const looking = readWordStatistics(db, analyze(question).words, filters.access).then(({ words }) =>
    findCases(db, { apiKeyId, words, query, filters, limit: most, least: leastLikeness }),
  );
  const found = await Promise.race([looking, late(withinMs)]);
  // Nobody waits for it any more.
  if (found === null) looking.catch(() => undefined);
  metrics.caseLookups.inc({ outcome: found === null ? 'late' : found.length > 0 ? 'hit' : 'miss' });
  return found;
}

function late(ms: number): Promise<null> {
  return pause(ms, null, { ref: false });
}

/** null where the model can't read the question, or is unavailable. */
async function embedAsked(question: string, { embedder, signal }: CaseLookup) {
  if (embedder.reads(question) < leastReadable) return null;
  try {
    const [vector] = await embedder.embed([question], { task: 'query', ...(signal && { signal }) });
    return vector ? { model: embedder.model, vector } : null;
  } catch (error) {
    if (error instanceof AppError && error.code === 'embedding_unavailable') return null;
    throw error;
  }
}
