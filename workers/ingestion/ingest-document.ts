import { loadBlob } from '../../src/db/blobs.ts';
import { extendLease } from '../../src/db/lease.ts';
import { forgetRefused } from '../../src/db/originals.ts';
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
import { describeCounts, type PiiReport } from '../../src/text/pii/mask.ts';
import type { Context, Handler } from '../context.ts';
import { underLease } from '../lease.ts';
import type { DocumentSource } from './parser-messages.ts';
import { isRefused } from './prepare-document.ts';

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
        const options = { title: claimed.attributes.title, size, overlap, pii: claimed.piiPolicy };
        const prepared = await context.parsers.prepare(source, options, signal);
        // A text that was masked at an earlier try has nothing to be found any more.
        return 'text' in source && claimed.pii ? { ...prepared, pii: claimed.pii } : prepared;
      });
      if (parsed.pii && isRefused(parsed.pii)) await refuse(context, key, claimed, parsed.pii);
      await storeParsed(context.db, key, claimed.token, parsed);
      if (parsed.pii && parsed.pii !== claimed.pii) context.metrics.countPii(parsed.pii.found);
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

/** Nothing of what was sent stays; the counts do, so that a delivery that comes again knows why. */
async function refuse(
  { db, metrics }: Context,
  key: VersionKey,
  { token }: ClaimedVersion,
  report: PiiReport,
): Promise<never> {
  await forgetRefused(db, key, token, report);
  metrics.countPii(report.found);
  throw piiFound(report);
}

function piiFound({ found }: PiiReport): AppError {
  return new AppError(
    'pii_found',
    `The document holds personal data (${describeCounts(found)}) and its policy is pii: reject. Remove it, or send the document with pii: mask.`,
  );
}

async function readSource(
  context: Context,
  key: VersionKey,
  claimed: ClaimedVersion,
): Promise<DocumentSource> {
  // The bytes come first: a version that failed after parsing and is tried again has the text of its file as well.
  const bytes = await loadBlob(context.db, key.documentId, key.version);
  if (!bytes && claimed.text !== null) return { text: claimed.text };
  if (!bytes && claimed.pii && isRefused(claimed.pii)) throw piiFound(claimed.pii);
  if (!bytes)
    throw new AppError('document_unreadable', 'What was sent is no longer kept: send the document again.');
  const { contentType, fileName } = claimed;
  return { bytes, hints: { contentType, ...(fileName ? { fileName } : {}) } };
}
