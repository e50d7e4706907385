import type { IncomingMessage } from 'node:http';
import { checkUrl, notPublic, type UrlPolicy } from '../../src/net/url-policy.ts';
import { pinnedRequest, type Resolve } from '../net/pinned-request.ts';

export interface ConnectOptions {
  policy: UrlPolicy;
  resolve: Resolve;
  headers: Record<string, string>;
  signal: AbortSignal;
}

/**
 * One GET, without following redirects, to a URL that may be fetched, pinned to the addresses that were checked.
 *
 * @throws AppError `url_refused`, `url_unreachable`; the signal's reason once it aborts
 */
export async function connect(url: URL, options: ConnectOptions): Promise<IncomingMessage> {
  const { headers, policy, resolve, signal } = options;
  checkUrl(url, policy);
  return pinnedRequest(url, { headers, resolve, signal, reach: policy.reach, notAllowed: notPublic });
}
