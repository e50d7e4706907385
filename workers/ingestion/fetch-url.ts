import type { IncomingMessage } from 'node:http';
import { basename } from 'node:path/posix';
import { AppError } from '../../src/errors.ts';
import { refused, type UrlPolicy } from '../../src/net/url-policy.ts';
import { type Resolve, resolveByDns, unreachable } from '../net/pinned-request.ts';
import { acceptedEncodings, readBody } from './fetch-body.ts';
import { connect } from './fetch-connect.ts';
import { createRobots, type RobotsReply, robotsBytes } from './fetch-robots.ts';

const maxRedirects = 5;

export interface FetcherOptions {
  policy: UrlPolicy;
  userAgent: string;
  maxBytes: number;
  /** Longest time of one fetch in all, milliseconds. */
  timeoutMs: number;
  /** Longest pause of a server; a quarter of the time in all unless told otherwise. */
  idleMs?: number;
  /** The system's resolver unless told otherwise. */
  resolve?: Resolve;
}

/** What is known of an earlier fetch; only asked about where the URL still leads to the same place. */
export interface Validators {
  finalUrl: string;
  etag: string | null;
  lastModified: string | null;
}

export interface FetchRequest {
  earlier?: Validators | undefined;
  signal: AbortSignal;
  store(part: Buffer): Promise<void>;
}

export interface Fetched extends Validators {
  contentType: string | null;
  fileName: string | null;
  bytes: number;
  /** sha256 of the bytes. */
  bodyHash: string;
}

/**
 * Fetches a URL, part by part into `store`. Undefined: the server says that nothing changed since `earlier`.
 *
 * @throws AppError `url_refused`, `url_unreachable`, `url_not_found`, `url_forbidden`, `url_too_large`, `robots_denied`,
 * `document_empty`, `unsupported_format`; the signal's reason once it aborts
 */
export type Fetcher = (url: string, request: FetchRequest) => Promise<Fetched | undefined>;

export function createFetcher(options: FetcherOptions): Fetcher {
  const { maxBytes, policy, resolve = resolveByDns, timeoutMs, userAgent } = options;
  const idleMs = options.idleMs ?? timeoutMs / 4;
  const open: Open = (url, headers, signal) =>
    connect(url, {
      ...{ policy, resolve, signal },
      headers: { 'User-Agent': userAgent, 'Accept-Encoding': acceptedEncodings, ...headers },
    });
  const robots = createRobots(userAgent, (url, signal) => readRobots(url, { open, idleMs, signal }));

  async function fetchWithin(start: string, { earlier, store }: FetchRequest, signal: AbortSignal) {
    const { url, response } = await follow(new URL(start), open, {
      signal,
      before: (hop) => robots.check(hop, signal),
      headers: (hop) => ({ Accept: '*/*', ...conditions(hop, earlier) }),
    });
    try {
      if (response.statusCode === 304 && earlier?.finalUrl === url.href) return undefined;
      if (response.statusCode !== 200) throw failure(url, response);
      const { bytes, hash } = await readBody(response, { url, maxBytes, idleMs, signal, store });
      if (bytes === 0) throw new AppError('document_empty', 'The URL gives an empty file.');
      return { ...describe(url, response), bytes, bodyHash: hash };
    } finally {
      response.destroy();
    }
  }

  return async (url, request) => {
    const late = AbortSignal.timeout(timeoutMs);
    try {
      return await fetchWithin(url, request, AbortSignal.any([request.signal, late]));
    } catch (error) {
      if (late.aborted && !request.signal.aborted && error === late.reason)
        throw unreachable(new URL(url), new Error(`it took longer than ${timeoutMs / 1000} s`));
      throw error;
    }
  };
}

type Open = (url: URL, headers: Record<string, string>, signal: AbortSignal) => Promise<IncomingMessage>;

interface FollowOptions {
  signal: AbortSignal;
  /** Asked about every URL on the way. */
  before?: (url: URL) => Promise<void>;
  headers: (url: URL) => Record<string, string>;
}

/** The first response that is no redirect. Each URL on the way is checked like the first one. */
async function follow(
  start: URL,
  open: Open,
  { before, headers, signal }: FollowOptions,
): Promise<{ url: URL; response: IncomingMessage }> {
  let url = start;
  for (let redirects = 0; ; redirects++) {
    await before?.(url);
    const response = await open(url, headers(url), signal);
    const next = redirectOf(url, response);
    if (!next) return { url, response };
    response.destroy();
    if (redirects === maxRedirects) throw refused(`The URL redirects more than ${maxRedirects} times.`);
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw refused('The URL redirects from https to http: give the http URL if that is meant.');
    url = next;
  }
}

function redirectOf(url: URL, { statusCode, headers }: IncomingMessage): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode ?? 0) || headers.location === undefined)
    return undefined;
  if (!URL.canParse(headers.location, url.href))
    throw refused('The URL redirects to something that is no URL.');
  const next = new URL(headers.location, url);
  next.hash = '';
  return next;
}

function conditions(url: URL, earlier: Validators | undefined): Record<string, string> {
  if (earlier?.finalUrl !== url.href) return {};
  return {
    ...(earlier.etag && { 'If-None-Match': earlier.etag }),
    ...(earlier.lastModified && { 'If-Modified-Since': earlier.lastModified }),
  };
}

function failure(url: URL, { statusCode = 0 }: IncomingMessage): AppError {
  const said = `${url.host} answers ${statusCode}`;
  if (statusCode === 404 || statusCode === 410)
    return new AppError('url_not_found', `There is nothing at the URL: ${said}.`);
  if (statusCode >= 400 && statusCode < 500 && ![408, 425, 429].includes(statusCode))
    return new AppError(
      'url_forbidden',
      `The URL is not given out: ${said}. Fetch it yourself and send the file.`,
    );
  return new AppError('url_unreachable', `The URL could not be fetched: ${said}.`);
}

function describe(url: URL, { headers }: IncomingMessage) {
  return {
    finalUrl: url.href,
    contentType: storable(headers['content-type']),
    fileName: fileNameOf(url),
    etag: storable(headers.etag),
    lastModified: storable(headers['last-modified']),
  };
}

/** A header that can be kept and sent again; a longer one is no validator anybody means. */
function storable(header: string | undefined): string | null {
  return header !== undefined && /^[\x20-\x7e]{1,500}$/.test(header) ? header : null;
}

function fileNameOf({ pathname }: URL): string | null {
  try {
    return decodeURIComponent(basename(pathname)).replaceAll('\0', '').slice(-255) || null;
  } catch {
    return null;
  }
}

/** A robots.txt as far as it is read. One that leads in circles counts as not there (RFC 9309, 2.3.1.2). */
async function readRobots(
  start: URL,
  { open, idleMs, signal }: { open: Open; idleMs: number; signal: AbortSignal },
): Promise<RobotsReply> {
  const { url, response } = await follow(start, open, { signal, headers: () => ({ Accept: 'text/plain' }) });
  const parts: Buffer[] = [];
  const store = async (part: Buffer) => void parts.push(part);
  const status = response.statusCode ?? 0;
  try {
    if (status === 200) await readBody(response, { url, maxBytes: robotsBytes, idleMs, signal, store });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'url_too_large') throw error;
  } finally {
    response.destroy();
  }
  return { status, text: Buffer.concat(parts).toString('utf8') };
}
