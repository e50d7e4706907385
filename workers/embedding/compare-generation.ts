import { vectorIndexFrom } from '../../src/config.ts';
import {
  claimGeneration,
  releaseGeneration,
  skipComparison,
  storeComparison,
} from '../../src/db/generation-work.ts';
import { readLiveGeneration } from '../../src/db/generations.ts';
import { extendLease } from '../../src/db/lease.ts';
import { indexVectors } from '../../src/db/vector-index.ts';
import type { Handler } from '../context.ts';
import { underLease } from '../lease.ts';
import { compare } from './compare.ts';
import { waitAlone } from './wait-alone.ts';

/**
 * A built generation beside the live one: measured on the corpus itself, then ready to be switched to. When it can't be
 * measured it is ready all the same: the live model may be the one that is out of order, and switching the way out.
 */
export const compareGeneration: Handler<'compareGeneration'> = {
  async run({ generationId }, context) {
    const { config, db, embedders, log } = context;
    const claimed = await claimGeneration(db, generationId, 'comparing');
    if (!claimed) return;
    try {
      const live = await readLiveGeneration(db);
      const comparison = await underLease(
        context,
        () => extendLease(db, 'embedding_generations', claimed.token),
        async (signal) => {
          // All vectors are stored and nobody searches them yet: switched to, it must be as quick as the one before.
          const from = vectorIndexFrom(config);
          if (from !== null) await indexVectors(db, claimed.model, from);
          return live ? compare(db, await embedders.of(claimed), await embedders.of(live), signal) : null;
        },
      );
      await storeComparison(db, claimed.token, comparison);
      log.info({ generationId, model: claimed.model, comparison }, 'generation ready');
    } catch (error) {
      await releaseGeneration(db, claimed.token);
      // Its name is taken while this delivery runs: requeueLost nudges it when the wait is over.
      if ((await waitAlone(error, claimed, context)) === undefined) throw error;
    }
  },
  async giveUp({ generationId }, error, { db }) {
    await skipComparison(db, generationId, error);
  },
};
