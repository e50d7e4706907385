import {
  beginFetch,
  endUnchanged,
  findEarlierFetch,
  finishFetch,
  storeFetchedPart,
} from '../../src/db/fetches.ts';
import type { ClaimedVersion, VersionKey } from '../../src/db/versions.ts';
import { AppError } from '../../src/errors.ts';
import type { Context } from '../context.ts';

/**
 * The bytes of a version that was given as a URL, brought into the database; returns the version with what the server said of
 * them. Undefined: they are those of the live version, and the new one is gone.
 *
 * @throws AppError of the fetcher; `lease_lost`
 */
export async function fetchSource(
  { db, fetchUrl, metrics }: Pick<Context, 'db' | 'fetchUrl' | 'metrics'>,
  key: VersionKey,
  claimed: ClaimedVersion & { fetchUrl: string },
  signal: AbortSignal,
): Promise<ClaimedVersion | undefined> {
  const { token } = claimed;
  const earlier = await findEarlierFetch(db, key);
  await beginFetch(db, key);
  let parts = 0;
  const fetched = await fetchUrl(claimed.fetchUrl, {
    earlier,
    signal,
    store: (part) => storeFetchedPart(db, key, token, parts++, part),
  });
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
