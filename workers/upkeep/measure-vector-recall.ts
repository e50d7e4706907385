import { hasVectorIndex, readVectorModels } from '../../src/db/vector-index.ts';
import { measureVectorRecall as measure } from '../../src/retrieval/vector-recall.ts';
import type { Handler } from '../context.ts';

const k = 10;
const samples = 20;

/** Compares search with an exact scan for a few passages of every model whose vectors have an index: without one it is exact. */
export const measureVectorRecall: Handler<'measureVectorRecall'> = {
  async run(_payload, { db, log, signal }) {
    for (const one of await readVectorModels(db, 0)) {
      if (!(await hasVectorIndex(db, one.model, one.dimensions))) continue;
      const measured = await measure(db, one, { k, samples, signal });
      if (measured) log.debug({ ...measured }, 'vector recall measured');
    }
  },
};
