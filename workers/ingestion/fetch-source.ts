import {
  endUnchanged,
  findEarlierFetch,
  finishFetch,
  forgetParts,
  storeFetchedPart,
} from '../../src/db/fetches.ts';
import type { ClaimedVersion, VersionKey } from '../../src/db/versions.ts';
import { AppError } from '../../src/errors.ts';
import type { Context } from '../context.ts';
import type { Fetched, FetchRequest } from './fetch-url.ts';

/**
 * The bytes of a version that was given as a URL, brought into the database; returns the version with what the server said of
 * them. Undefined: they are those of the live version, and the new one is gone.
 *
 * @throws AppError of the fetcher; `lease_lost`
 */
export async function fetchSource(
  context: Pick<Context, 'db' | 'fetchUrl' | 'log' | 'metrics'>,
  key: VersionKey,
  claimed: ClaimedVersion & { fetchUrl: string },
  signal: AbortSignal,
): Promise<ClaimedVersion | undefined> {
  const { db, metrics } = context;
  const { token } = claimed;
  const earlier = await findEarlierFetch(db, key);
  const fetched = await fetchParts(context, key, claimed, { earlier, signal });
  if (earlier && (fetched === undefined || fetched.bodyHash === earlier.bodyHash)) {
    await endUnchanged(db, key, token, { ...earlier, ...fetched, version: earlier.version });
    metrics.documents.inc({ outcome: 'unchanged', format: 'unknown' });
    return undefined;
  }
  // Asked without validators, a server has nothing that could be unmodified.
  if (!fetched) throw new AppError('url_unreachable', 'The server says that nothing changed, unasked.');
  await finishFetch(db, key, token, fetched);
  const { contentType, fileName } = fetched;
  return { ...claimed, contentType: contentType ?? claimed.contentType, fileName };
}

async function fetchParts(
  { db, fetchUrl, log }: Pick<Context, 'db' | 'fetchUrl' | 'log'>,
  key: VersionKey,
  { fetchUrl: url, token }: ClaimedVersion & { fetchUrl: string },
  request: Omit<FetchRequest, 'store'>,
): Promise<Fetched | undefined> {
  // Of a worker that was killed.
  await forgetParts(db, key, token);
  let parts = 0;
  try {
    const store = (part: Buffer) => storeFetchedPart(db, key, token, parts++, part);
    return await fetchUrl(url, { ...request, store });
  } catch (error) {
    // Why it failed is what counts; the next try takes the parts away as well.
    await forgetParts(db, key, token).catch((fault) =>
      log.warn({ err: fault }, 'parts of a fetch were left'),
    );
    throw error;
  }
}
