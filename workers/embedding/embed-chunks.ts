import { claimChunks, noteEmbeddingFailure } from '../../src/db/embeddings.ts';
import { waitLeft } from '../../src/db/generation-work.ts';
import { type GenerationRow, readKeptGenerations } from '../../src/db/generations.ts';
import { beginEmbeddingTurn } from '../../src/db/turns.ts';
import { failVersion, isGoingLive, makeLive, type VersionKey } from '../../src/db/versions.ts';
import { AppError, asAppError, summarise } from '../../src/errors.ts';
import { maxEmbeddingBatch } from '../../src/jobs/batches.ts';
import type { Context, Handler } from '../context.ts';
import { embedBatch } from './embed-batch.ts';
import { waitAlone } from './wait-alone.ts';

/**
 * Vectors for the version's chunks that have none, batch by batch until none is left to claim; other deliveries take other
 * batches meanwhile. Every generation that is kept gets its own, the live one first. Whoever stores the last vector of the
 * live generation makes the version live.
 */
export const embedChunks: Handler<'embedChunks'> = {
  async run(key, context) {
    // A delivery for every batch was sent out, and a long version's last ones come while it goes live.
    if (key.batch > 0 && (await isGoingLive(context.db, key))) return;
    await beginEmbeddingTurn(context.db, key);
    for (let embedded: string | undefined; ; ) {
      const kept = await readKeptGenerations(context.db);
      const [live, ...others] = kept;
      // Another generation may have become live meanwhile: the version then waits for vectors of that one.
      if (live?.status !== 'live' || live.model === embedded) return;
      await embedLive(key, live, context);
      for (const other of others) await tryEmbedAll(key, other, context);
      if (await makeLive(context.db, key)) {
        sayReady(key, context);
        if (context.config.CLASSIFY_DOCUMENTS)
          await context.enqueue('classifyDocument', [{ documentId: key.documentId }]);
        return;
      }
      embedded = live.model;
    }
  },
  async giveUp(key, error, context) {
    const failed = await failVersion(context.db, key, error);
    if (failed) context.metrics.documents.inc({ outcome: error.code, format: 'any' });
  },
};

/** A failure stands on the version while it is tried again; being put off by the provider is none. */
async function embedLive(key: VersionKey, live: GenerationRow, context: Context): Promise<void> {
  try {
    await embedAll(key, live, context);
  } catch (thrown) {
    const error = asAppError(thrown);
    const putOff = error.retryAfter !== undefined || context.signal.aborted;
    if (!putOff && error.code !== 'lease_lost') await noteEmbeddingFailure(context.db, key, summarise(error));
    throw thrown;
  }
}

async function embedAll(key: VersionKey, generation: GenerationRow, context: Context): Promise<void> {
  const embedder = await context.embedders.of(generation);
  const size = Math.min(maxEmbeddingBatch, embedder.maxBatch);
  for (let after = -1; ; ) {
    const claimed = await claimChunks(context.db, key, embedder.model, size, after);
    const last = claimed.chunks.at(-1);
    if (!last && after === -1) return;
    const embedded = last ? await embedBatch(claimed, embedder, context) : 0;
    const all = embedded === claimed.chunks.length && embedded < size;
    // Nothing was left from the first chunk on; or none behind, and then those before it that others gave back.
    if (all && after === -1) return;
    after = all ? -1 : (last?.n ?? -1);
  }
}

/** A document does not wait for a model that nobody searches with: what it lacks then is left to buildGeneration. */
async function tryEmbedAll(key: VersionKey, generation: GenerationRow, context: Context): Promise<void> {
  if ((await waitLeft(context.db, generation.id)) > 0) return;
  try {
    await embedAll(key, generation, context);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'embedding_unavailable') throw error;
    if ((await waitAlone(error, generation, context)) !== undefined) return;
    context.log.warn({ model: generation.model, err: error }, 'a generation that is not live lacks vectors');
  }
}

function sayReady({ documentId, version }: VersionKey, { metrics, log }: Context): void {
  metrics.documents.inc({ outcome: 'ready', format: 'any' });
  log.info({ documentId, version }, 'document ready');
}
