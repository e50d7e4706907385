import { hasBlob, readBlob } from '../../src/db/blobs.ts';
import { copyParsed } from '../../src/db/copy-parsed.ts';
import { extendLease } from '../../src/db/lease.ts';
import { forgetRefused } from '../../src/db/originals.ts';
import { createVersionWriter, type ParsedSummary } from '../../src/db/store-chunks.ts';
import {
  type ClaimedVersion,
  claimVersion,
  failVersion,
  releaseVersion,
  type VersionKey,
} from '../../src/db/versions.ts';
import { AppError, summarise } from '../../src/errors.ts';
import { nudgeEmbedding } from '../../src/jobs/nudge-versions.ts';
import { describeCounts, type PiiReport } from '../../src/text/pii/mask.ts';
import type { Context, Handler } from '../context.ts';
import { underLease } from '../lease.ts';
import { fetchSource } from './fetch-source.ts';
import type { DocumentSource } from './parser-messages.ts';
import { isRefused } from './prepare-document.ts';
import { recipeOf } from './recipe.ts';

/** Bytes or text → chunks with their index words, stored; then a job for every batch of chunks to embed. */
export const ingestDocument: Handler<'ingestDocument'> = {
  async run(key, context) {
    const claimed = await claimVersion(context.db, key);
    if (!claimed) return;
    const extend = () => extendLease(context.db, 'document_versions', claimed.token);
    try {
      const stored = await underLease(context, extend, (signal) =>
        readAndStore(key, claimed, context, signal),
      );
      if (stored) await nudgeEmbedding(context, [key]);
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

/** Text and chunks, stored; false when there is nothing new to store. */
async function readAndStore(
  key: VersionKey,
  claimed: ClaimedVersion,
  context: Context,
  signal: AbortSignal,
): Promise<boolean> {
  const { db, config, metrics, parsers } = context;
  const {
    CHUNK_TOKENS: size,
    CHUNK_OVERLAP_TOKENS: overlap,
    MAX_DOCUMENT_CHARACTERS: maxCharacters,
  } = config;
  const options = { title: claimed.attributes.title, size, overlap, pii: claimed.piiPolicy };
  const recipe = recipeOf(claimed.sourceHash, options);
  if (recipe && (await copyParsed(db, key, claimed.token, recipe))) return true;
  const version = await withBytes(context, key, claimed, signal);
  if (!version) return false;
  const source = await findSource(context, key, version);
  let writer = createVersionWriter(db, key, claimed.token);
  const openStore = () => {
    writer = createVersionWriter(db, key, claimed.token);
    return writer.add;
  };
  const read = parsers.prepareWindows(source, { ...options, maxCharacters }, openStore, signal);
  const prepared = await read.catch((error) => withoutText(error, claimed));
  // A text that was masked at an earlier try has nothing to be found any more.
  const summary = 'text' in source && claimed.pii ? { ...prepared, pii: claimed.pii } : prepared;
  if (summary.pii && isRefused(summary.pii)) await refuse(context, key, claimed, summary.pii);
  await writer.end(summary);
  if (summary.pii && summary.pii !== claimed.pii) metrics.countPii(summary.pii.found);
  return true;
}

/** What could be read and says nothing is there all the same, with a warning: `toDocument`. */
function withoutText(error: unknown, { piiPolicy: policy }: ClaimedVersion): ParsedSummary {
  if (!(error instanceof AppError) || error.code !== 'document_empty') throw error;
  return { pages: [], found: {}, pii: { policy, found: {} } };
}

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

/** The version once its bytes are here. Undefined: it was given as a URL whose content has not changed, and has ended. */
async function withBytes(
  context: Context,
  key: VersionKey,
  claimed: ClaimedVersion,
  signal: AbortSignal,
): Promise<ClaimedVersion | undefined> {
  const { fetchUrl, fetched } = claimed;
  return fetchUrl === null || fetched ? claimed : fetchSource(context, key, { ...claimed, fetchUrl }, signal);
}

async function findSource(
  { db }: Context,
  key: VersionKey,
  { contentType, fileName, text, pii }: ClaimedVersion,
): Promise<DocumentSource> {
  const { documentId, version } = key;
  // The bytes come first: a version that failed after parsing and is tried again has the text of its file as well.
  if (await hasBlob(db, documentId, version)) {
    const parts = () => readBlob(db, documentId, version);
    return { parts, hints: { contentType, ...(fileName ? { fileName } : {}) } };
  }
  if (text !== null) return { text };
  if (pii && isRefused(pii)) throw piiFound(pii);
  throw new AppError('document_unreadable', 'What was sent is no longer kept: send the document again.');
}
