import { readBlob } from '../../src/db/blobs.ts';
import { extendLease } from '../../src/db/lease.ts';
import {
  type ClaimedVersion,
  claimVersion,
  failVersion,
  releaseVersion,
  storeParsed,
  type VersionKey,
} from '../../src/db/versions.ts';
import { AppError, summarise } from '../../src/errors.ts';
import { maxEmbeddingBatch } from '../../src/jobs/batches.ts';
import type { Context, Handler } from '../context.ts';
import { underLease } from '../lease.ts';
import type { DocumentSource } from './parser-messages.ts';

/** Bytes or text → chunks with their index words, stored; then a job for every batch of chunks to embed. */
export const ingestDocument: Handler<'ingestDocument'> = {
  async run(key, context) {
    const claimed = await claimVersion(context.db, key);
    if (!claimed) return;
    const { CHUNK_TOKENS: size, CHUNK_OVERLAP_TOKENS: overlap } = context.config;
    const extend = () => extendLease(context.db, 'document_versions', claimed.token);
    try {
      const parsed = await underLease(context, extend, async (signal) => {
        const source = await readSource(context, key, claimed);
        const options = { title: claimed.attributes.title, size, overlap };
        return context.parsers.prepare(source, options, signal);
      });
      await storeParsed(context.db, key, claimed.token, parsed);
      const batches = Math.ceil(parsed.chunks.length / maxEmbeddingBatch);
      const payloads = Array.from({ length: batches }, (_, batch) => ({ ...key, batch }));
      await context.enqueue('embedChunks', payloads, { priority: claimed.priority });
    } catch (error) {
      await releaseVersion(context.db, key, claimed.token, summarise(error));
      throw error;
    }
  },
  async giveUp(key, error, context) {
    const failed = await failVersion(context.db, key, error);
    if (failed) context.metrics.documents.inc({ outcome: error.code, format: 'unknown' });
  },
};

async function readSource(
  context: Context,
  key: VersionKey,
  claimed: ClaimedVersion,
): Promise<DocumentSource> {
  // The bytes come first: a version that failed after parsing and is tried again has the text of its file as well.
  const parts: Buffer[] = [];
  for await (const part of readBlob(context.db, key.documentId, key.version)) parts.push(part);
  const bytes = parts.length === 0 ? undefined : Buffer.concat(parts);
  if (!bytes && claimed.text !== null) return { text: claimed.text };
  if (!bytes) throw new AppError('document_unreadable', 'The bytes of this document are missing.');
  const { contentType, fileName } = claimed;
  return { bytes, hints: { contentType, ...(fileName ? { fileName } : {}) } };
}
