import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { literalAddress, mayConnect, type Reach } from './addresses.ts';

/** Which URLs this installation fetches. */
export interface UrlPolicy {
  on: boolean;
  /** Host names, exact or `*.example.org` (which leaves example.org itself out); empty: any. */
  allow: readonly string[];
  reach: Reach;
}

export function urlPolicy(
  config: Pick<Config, 'URL_INGESTION' | 'URL_ALLOW' | 'URL_PRIVATE_ADDRESSES'>,
): UrlPolicy {
  return {
    on: config.URL_INGESTION === 'on',
    allow: config.URL_ALLOW,
    reach: config.URL_PRIVATE_ADDRESSES === 'allow' ? 'private-too' : 'public',
  };
}

/**
 * What can be said of a URL before its name is resolved; asked when it is accepted, and again of it and of every redirect
 * when it is fetched.
 *
 * @throws AppError `url_refused`
 */
export function checkUrl(url: URL, { on, allow, reach }: UrlPolicy): void {
  if (!on) throw refused('URLs are not fetched here (URL_INGESTION=off): send the text or the file.');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refused('Only http and https URLs are fetched.');
  if (url.username !== '' || url.password !== '')
    throw refused('A URL with a user name or password in it is not fetched: leave them out.');
  if (allow.length > 0 && !allow.some((pattern) => covers(pattern, url.hostname)))
    throw refused(`The host ${url.hostname} is not among those that are fetched from (URL_ALLOW).`);
  const address = literalAddress(url);
  if (address !== undefined && !mayConnect(address, reach)) throw notPublic(url);
}

export function notPublic(url: URL): AppError {
  return refused(
    `The host ${url.hostname} is not on the public internet: such addresses are not fetched from (URL_PRIVATE_ADDRESSES).`,
  );
}

export function refused(detail: string): AppError {
  return new AppError('url_refused', detail);
}

function covers(pattern: string, hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern;
}
