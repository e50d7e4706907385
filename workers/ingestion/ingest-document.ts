import { hasBlob, readBlob } from '../../src/db/blobs.ts';
import { extendLease } from '../../src/db/lease.ts';
import { createVersionWriter } from '../../src/db/store-chunks.ts';
import {
  type ClaimedVersion,
  claimVersion,
  failVersion,
  releaseVersion,
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
    const { MAX_DOCUMENT_CHARACTERS: maxCharacters } = context.config;
    const extend = () => extendLease(context.db, 'document_versions', claimed.token);
    try {
      const source = await findSource(context, key, claimed);
      const options = { title: claimed.attributes.title, size, overlap, maxCharacters };
      const chunks = await underLease(context, extend, async (signal) => {
        let writer = createVersionWriter(context.db, key, claimed.token);
        const openStore = () => {
          writer = createVersionWriter(context.db, key, claimed.token);
          return writer.add;
        };
        const summary = await context.parsers.prepareWindows(source, options, openStore, signal);
        return writer.end(summary);
      });
      const batches = Math.ceil(chunks / maxEmbeddingBatch);
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

async function findSource(
  { db }: Context,
  key: VersionKey,
  { contentType, fileName, text }: ClaimedVersion,
): Promise<DocumentSource> {
  const { documentId, version } = key;
  // The bytes come first: a version that failed after parsing and is tried again has the text of its file as well.
  if (await hasBlob(db, documentId, version)) {
    const parts = () => readBlob(db, documentId, version);
    return { parts, hints: { contentType, ...(fileName ? { fileName } : {}) } };
  }
  if (text === null) throw new AppError('document_unreadable', 'The bytes of this document are missing.');
  return { text };
}
