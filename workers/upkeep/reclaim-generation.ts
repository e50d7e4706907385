import {
  claimGeneration,
  endReclaiming,
  noteFailure,
  reclaimVectors,
  releaseGeneration,
} from '../../src/db/generation-work.ts';
import { extendLease } from '../../src/db/lease.ts';
import type { Handler } from '../context.ts';
import { underLease } from '../lease.ts';

/** Rows that one statement deletes: short enough for others to come between. */
const atATime = 5000;

/** Takes the vectors of a deleted generation away, counting them. */
export const reclaimGeneration: Handler<'reclaimGeneration'> = {
  async run({ generationId }, context) {
    const { db, log } = context;
    const claimed = await claimGeneration(db, generationId, 'reclaiming');
    if (!claimed) return;
    const { token, model } = claimed;
    try {
      await underLease(
        context,
        () => extendLease(db, 'embedding_generations', token),
        async (signal) => {
          while ((await reclaimVectors(db, token, atATime)) > 0) signal.throwIfAborted();
        },
      );
      await endReclaiming(db, token);
      log.info({ generationId, model }, 'generation reclaimed');
    } catch (error) {
      await releaseGeneration(db, token);
      throw error;
    }
  },
  async giveUp({ generationId }, error, { db }) {
    await noteFailure(db, generationId, error);
  },
};
