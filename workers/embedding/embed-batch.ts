import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type ClaimedChunk,
  type ClaimedChunks,
  extendClaim,
  releaseChunks,
  saveVectors,
} from '../../src/db/embeddings.ts';
import { adoptVectors, claimTexts, keepLateVectors, releaseTexts } from '../../src/db/known-vectors.ts';
import type { Embedder } from '../../src/models/embedder.ts';
import { type ChunkContext, passageText } from '../../src/text/passage-text.ts';
import type { Context } from '../context.ts';
import { underLease } from '../lease.ts';

/** How soon chunks are looked at again whose texts another worker is asking the model about. */
const elsewhereMs = 200;

interface Passage {
  chunk: ClaimedChunk;
  /** Exactly what the model is given. */
  text: string;
  /** SHA-256 of it, hex: the same text never goes to the same model twice. */
  hash: string;
}

/**
 * Vectors of one model for claimed chunks, stored: those that it made before, and new ones for the rest. The claim is given back.
 * Returns how many of the chunks have theirs now.
 */
export async function embedBatch(
  claimed: ClaimedChunks,
  embedder: Embedder,
  context: Context,
): Promise<number> {
  const { config, db, metrics } = context;
  const passages = claimed.chunks.map((chunk) => toPassage(chunk, config.CHUNK_CONTEXT));
  const hashes = passages.map(({ hash }) => hash);
  const { model } = embedder;
  let held = passages;
  try {
    const mine = await claimTexts(db, claimed.token, model, hashes);
    const known = await adoptVectors(db, claimed, model, hashes);
    metrics.vectorsReused.inc({ model }, known.size);
    const missing = passages.filter(({ chunk, hash }) => !known.has(chunk.seq) && mine.has(hash));
    if (missing.length > 0) {
      const stored = await embedMissing(claimed, missing, embedder, context);
      const given = new Set(missing);
      held = passages.filter((passage) => !given.has(passage));
      return known.size + stored;
    }
    if (known.size === 0) await wait(elsewhereMs, undefined, { signal: context.signal });
    return known.size;
  } finally {
    // Also when all went well: the next generation's vectors for the same chunks must not wait for the claim to end.
    if (held.length > 0) await giveBack(claimed, held, context);
  }
}

async function giveBack({ token }: ClaimedChunks, held: readonly Passage[], { db }: Context): Promise<void> {
  await releaseChunks(
    db,
    { token, chunks: held.map(({ chunk }) => chunk) },
    held.map(({ hash }) => hash),
  );
  await releaseTexts(db, token);
}

/** Each different text is sent once, also when several of the chunks have it. What is stored is given back. */
async function embedMissing(
  claimed: ClaimedChunks,
  missing: readonly Passage[],
  embedder: Embedder,
  context: Context,
): Promise<number> {
  const { db, metrics } = context;
  const texts = [...new Map(missing.map(({ hash, text }) => [hash, text]))];
  const made = await underLease(
    context,
    () => extendClaim(db, claimed),
    (signal) =>
      embedder.embed(
        texts.map(([, text]) => text),
        { task: 'passage', signal },
      ),
  );
  const vectors = new Map(texts.map(([hash], n) => [hash, made[n] as Float32Array]));
  const all = missing.map((passage) => ({ ...passage, vector: vectors.get(passage.hash) as Float32Array }));
  const stored = await saveVectors(db, claimed.token, embedder.model, all);
  if (stored < all.length) await keepLateVectors(db, embedder.model, all);
  metrics.chunksEmbedded.inc({ model: embedder.model }, Math.min(stored, texts.length));
  metrics.vectorsReused.inc({ model: embedder.model }, Math.max(0, stored - texts.length));
  return stored;
}

function toPassage(chunk: ClaimedChunk, mode: ChunkContext): Passage {
  const text = passageText(chunk, mode);
  return { chunk, text, hash: createHash('sha256').update(text).digest('hex') };
}
