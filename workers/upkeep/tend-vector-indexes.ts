import { dropUnusedVectorIndexes, ensureVectorIndex, readVectorModels } from '../../src/db/vector-index.ts';
import type { Handler } from '../context.ts';

/** An exact scan of so many takes about as long as the rest of a search (docs/performance.md). */
const usualFrom = 20_000;

/** An index for each embedding model that has enough vectors for one to pay; none for a model that has none left. */
export const tendVectorIndexes: Handler<'tendVectorIndexes'> = {
  async run(_payload, { config, db, log }) {
    const from = config.VECTOR_INDEX_FROM ?? (config.tier === 'embedded' ? null : usualFrom);
    for (const { model, dimensions, beyond } of await readVectorModels(db, from ?? 0)) {
      if (!beyond || from === null) continue;
      const started = performance.now();
      if (await ensureVectorIndex(db, model, dimensions))
        log.info({ model, ms: Math.round(performance.now() - started) }, 'vector index made');
    }
    const dropped = await dropUnusedVectorIndexes(db);
    if (dropped.length > 0) log.info({ dropped }, 'vector indexes of models without vectors dropped');
  },
};
