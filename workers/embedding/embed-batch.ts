import { type ClaimedChunks, extendClaim, releaseChunks, saveVectors } from '../../src/db/embeddings.ts';
import type { Embedder } from '../../src/models/embedder.ts';
import { passageText } from '../../src/text/passage-text.ts';
import type { Context } from '../context.ts';
import { underLease } from '../lease.ts';

/** Vectors of one model for claimed chunks, stored; the claim is given back. */
export async function embedBatch(
  claimed: ClaimedChunks,
  embedder: Embedder,
  context: Context,
): Promise<void> {
  const { db, metrics } = context;
  const { token, chunks } = claimed;
  try {
    const texts = chunks.map(passageText);
    const vectors = await underLease(
      context,
      () => extendClaim(db, claimed),
      (signal) => embedder.embed(texts, { task: 'passage', signal }),
    );
    const stored = await saveVectors(db, token, embedder.model, chunks, vectors);
    metrics.chunksEmbedded.inc({ model: embedder.model }, stored);
  } finally {
    // Also when all went well: the next generation's vectors for the same chunks must not wait for the claim to end.
    await releaseChunks(db, claimed);
  }
}
