import { vectorIndexFrom } from '../../src/config.ts';
import { dropUnusedVectorIndexes, ensureVectorIndex, readVectorModels } from '../../src/db/vector-index.ts';
import type { Handler } from '../context.ts';

/** An index for each embedding model that has enough vectors for one to pay; none for a model that has none left. */
export const tendVectorIndexes: Handler<'tendVectorIndexes'> = {
  async run(_payload, { config, db, log }) {
    const from = vectorIndexFrom(config);
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
