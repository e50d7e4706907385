import {
  type ChunkToEmbed,
  type ClaimedChunks,
  claimChunks,
  extendClaim,
  releaseChunks,
  saveVectors,
} from '../../src/db/embeddings.ts';
import { failVersion, makeLive, type VersionKey } from '../../src/db/versions.ts';
import { maxEmbeddingBatch } from '../../src/jobs/batches.ts';
import type { Context, Handler } from '../context.ts';
import { underLease } from '../lease.ts';

/**
 * Vectors for the version's chunks that have none, batch by batch until none is left to claim; other deliveries take other
 * batches meanwhile. Whoever stores the last vector makes the version live.
 */
export const embedChunks: Handler<'embedChunks'> = {
  async run(key, context) {
    const size = Math.min(maxEmbeddingBatch, context.embedder.maxBatch);
    for (;;) {
      const claimed = await claimChunks(context.db, key, context.embedder.model, size);
      if (claimed.chunks.length === 0) break;
      await embedBatch(claimed, context);
    }
    await finish(key, context);
  },
  async giveUp(key, error, context) {
    const failed = await failVersion(context.db, key, error);
    if (failed) context.metrics.documents.inc({ outcome: error.code, format: 'any' });
  },
};

async function embedBatch({ token, title, chunks }: ClaimedChunks, context: Context): Promise<void> {
  const { db, embedder, metrics } = context;
  try {
    const texts = chunks.map((chunk) => toText(title, chunk));
    const vectors = await underLease(
      context,
      () => extendClaim(db, token),
      (signal) => embedder.embed(texts, { task: 'passage', signal }),
    );
    const stored = await saveVectors(db, token, embedder.model, chunks, vectors);
    metrics.chunksEmbedded.inc({ model: embedder.model }, stored);
  } catch (error) {
    await releaseChunks(db, token);
    throw error;
  }
}

async function finish(key: VersionKey, { db, embedder, metrics, log }: Context): Promise<void> {
  if (!(await makeLive(db, key, embedder.model))) return;
  metrics.documents.inc({ outcome: 'ready', format: 'any' });
  log.info({ documentId: key.documentId, version: key.version }, 'document ready');
}

/** A chunk is read with the title of its document and the headings above it, as the keyword index does. */
function toText(title: string | null, { heading, text }: ChunkToEmbed): string {
  return [title, heading, text].filter((part) => part).join('\n');
}
