import {
  claimMissing,
  endBuilding,
  noteFailure,
  touchGeneration,
  waitLeft,
} from '../../src/db/generation-work.ts';
import { findGeneration } from '../../src/db/generations.ts';
import { buildingPriority } from '../../src/generations.ts';
import { maxEmbeddingBatch } from '../../src/jobs/batches.ts';
import type { Embedder } from '../../src/models/embedder.ts';
import type { Context, Handler } from '../context.ts';
import { embedBatch } from './embed-batch.ts';
import { waitAlone } from './wait-alone.ts';

/** How long one delivery goes on before it lets others have its place: documents wait in the same queue. */
const turnMs = 20_000;

/**
 * Vectors of a generation for live chunks that have none, while search goes on with the live one; a kept generation that
 * lacks some gets them the same way. What is stored is done: a delivery that dies, or comes twice, costs nothing.
 */
export const buildGeneration: Handler<'buildGeneration'> = {
  async run({ generationId, slot, turn }, context) {
    const { db, embedders, enqueue, log } = context;
    const generation = await findGeneration(db, generationId);
    if (!generation) return;
    const goOn = async (delayMs: number) => {
      const next = { generationId, slot, turn: turn + 1 };
      await enqueue('buildGeneration', [next], { priority: buildingPriority, delayMs });
    };
    const left = await waitLeft(db, generationId);
    if (left > 0) return goOn(left);
    const embedder = await embedders.of(generation);
    try {
      if (await takeTurn(embedder, context)) return goOn(0);
    } catch (error) {
      const waitMs = await waitAlone(error, generation, context);
      if (waitMs === undefined) throw error;
      return goOn(waitMs);
    }
    if (!(await endBuilding(db, generationId))) return;
    log.info({ generationId, model: generation.model }, 'generation built');
    await enqueue('compareGeneration', [{ generationId }]);
  },
  async giveUp({ generationId }, error, { db }) {
    await noteFailure(db, generationId, error);
  },
};

/** Embeds until nothing is left to claim (false) or the turn is over (true). */
async function takeTurn(embedder: Embedder, context: Context): Promise<boolean> {
  const end = performance.now() + turnMs;
  const size = Math.min(maxEmbeddingBatch, embedder.maxBatch);
  // From the beginning again until a whole pass finds nothing: documents come and claims are given back meanwhile.
  for (let after = 0, passed = 0; ; ) {
    const claimed = await claimMissing(context.db, embedder.model, after, size);
    const last = claimed.chunks.at(-1);
    if (!last && passed === 0) return false;
    passed = last ? passed + 1 : 0;
    after = last?.seq ?? 0;
    if (!last) continue;
    await embedBatch(claimed, embedder, context);
    await touchGeneration(context.db, embedder.model);
    if (performance.now() > end) return true;
  }
}
