import { readStaleChunks, storeWords } from '../../src/db/reindex.ts';
import { analyzerVersion, countWords } from '../../src/retrieval/analyze.ts';
import { indexedText } from '../../src/text/passage-text.ts';
import type { Handler } from '../context.ts';

const perTurn = 100;
/** How long one delivery goes on: other upkeep waits in the same queue, and the next run is a minute away at most. */
const turnMs = 30_000;

/** New words for chunks that an older analyzer has read: questions are analysed by the new one. */
export const reindexChunks: Handler<'reindexChunks'> = {
  async run(_payload, { db, log, signal }) {
    const end = performance.now() + turnMs;
    let done = 0;
    while (performance.now() < end && !signal.aborted) {
      const stale = await readStaleChunks(db, analyzerVersion, perTurn);
      if (stale.length === 0) break;
      const words = stale.map((chunk) => ({ seq: chunk.seq, ...countWords(indexedText(chunk)) }));
      const changed = await storeWords(db, analyzerVersion, words);
      // Others hold them all: the next run looks again.
      if (changed === 0) break;
      done += changed;
    }
    if (done > 0) log.info({ chunks: done, analyzer: analyzerVersion }, 'indexed anew');
  },
};
