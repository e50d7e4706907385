import {
  boundCases,
  type CaseIndex,
  type CaseToIndex,
  casesToIndex,
  followVersions,
  indexCases,
  mergeCases,
  retireCases,
} from '../../src/db/case-upkeep.ts';
import { readLiveGeneration } from '../../src/db/generations.ts';
import { readWordStatistics } from '../../src/db/search-words.ts';
import type { Embedder } from '../../src/models/embedder.ts';
import { analyze } from '../../src/retrieval/analyze.ts';
import { leastReadable } from '../../src/retrieval/by-meaning.ts';
import type { Context, Handler } from '../context.ts';

const perTurn = 100;

/** Indexes new cases, follows new versions of what they cite, merges alike ones, and archives what no longer helps. */
export const tendCases: Handler<'tendCases'> = {
  async run(_payload, context) {
    const { config, db, log, signal } = context;
    let indexed = 0;
    for (let turn = perTurn; turn === perTurn && !signal.aborted; indexed += turn)
      turn = await indexSome(context);
    const stale = await followVersions(db);
    const merged = await mergeCases(db);
    const retired = await retireCases(db, config.CASE_UNUSED_DAYS);
    const bounded = await boundCases(db, config.CASE_BANK_SIZE, config.CASE_ARCHIVE_DAYS);
    const done = { indexed, stale, merged, ...retired, ...bounded };
    if (Object.values(done).some((count) => count > 0)) log.info(done, 'cases tended');
  },
};

/** Returns how many were indexed. */
async function indexSome({ db, embedders, signal }: Context): Promise<number> {
  const live = await readLiveGeneration(db);
  const cases = await casesToIndex(db, live?.model ?? null, perTurn);
  if (cases.length === 0) return 0;
  const embedder = live ? await embedders.of(live) : null;
  const vectors = embedder ? await embed(embedder, cases, signal) : new Map<string, Float32Array>();
  const words = cases.map(({ question }) => analyze(question).words);
  const { words: weighed } = await readWordStatistics(db, words.flat());
  const idf = new Map(weighed.map((one) => [one.word, one.idf]));
  const indexes = cases.map(
    ({ id }, i): CaseIndex => ({
      id,
      words: [...new Set(words[i])].map((word) => ({ word, idf: idf.get(word) ?? 0 })),
      vector: vectors.get(id) ?? null,
    }),
  );
  await indexCases(db, embedder?.model ?? null, indexes);
  return cases.length;
}

async function embed(embedder: Embedder, cases: readonly CaseToIndex[], signal: AbortSignal) {
  const readable = cases.filter(({ question }) => embedder.reads(question) >= leastReadable);
  const vectors = new Map<string, Float32Array>();
  for (let at = 0; at < readable.length; at += embedder.maxBatch) {
    const batch = readable.slice(at, at + embedder.maxBatch);
    // As questions, all of them: it is questions that they are compared with.
    const made = await embedder.embed(
      batch.map(({ question }) => question),
      { task: 'query', signal },
    );
    batch.forEach(({ id }, i) => {
      const vector = made[i];
      if (vector) vectors.set(id, vector);
    });
  }
  return vectors;
}
