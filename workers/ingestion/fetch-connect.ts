import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { AppError } from '../../src/errors.ts';
import { literalAddress, mayConnect } from '../../src/net/addresses.ts';
import { checkUrl, notPublic, type UrlPolicy } from '../../src/net/url-policy.ts';

export interface Address {
  address: string;
  family: number;
}

/** All addresses of a host name. */
export type Resolve = (hostname: string) => Promise<Address[]>;

export const resolveByDns: Resolve = (hostname) => lookup(hostname, { all: true, verbatim: true });

export interface ConnectOptions {
  policy: UrlPolicy;
  resolve: Resolve;
  headers: Record<string, string>;
  signal: AbortSignal;
}

/**
 * One GET, without following redirects. The name is resolved once, every address it has must be allowed, and the connection
 * goes to those very addresses: a name that changes its mind in between changes nothing. Host header and the name in TLS stay.
 *
 * @throws AppError `url_refused`, `url_unreachable`; the signal's reason once it aborts
 */
export async function connect(url: URL, options: ConnectOptions): Promise<IncomingMessage> {
  const { headers, policy, resolve, signal } = options;
  checkUrl(url, policy);
  const addresses = await orAbort(signal, addressesOf(url, resolve));
  if (!addresses.every(({ address }) => mayConnect(address, policy.reach))) throw notPublic(url);
  const send = url.protocol === 'https:' ? secureRequest : plainRequest;
  return new Promise((done, fail) => {
    // An agent of its own: none that keeps connections by name, none that takes a proxy from the environment.
    const request = send(url, { headers, signal, agent: false, lookup: pinnedTo(addresses) }, done);
    request.on('error', (error) => fail(signal.aborted ? signal.reason : unreachable(url, error)));
    request.end();
  });
}

async function addressesOf(url: URL, resolve: Resolve): Promise<Address[]> {
  const literal = literalAddress(url);
  if (literal !== undefined) return [{ address: literal, family: literal.includes(':') ? 6 : 4 }];
  try {
    const addresses = await resolve(url.hostname);
    if (addresses.length > 0) return addresses;
  } catch (error) {
    throw unreachable(url, error);
  }
  throw unreachable(url, new Error('the name has no address'));
}

function pinnedTo(addresses: Address[]): LookupFunction {
  const [first] = addresses as [Address];
  return (_hostname, { all }, callback) => {
    if (all) callback(null, addresses);
    else callback(null, first.address, first.family);
  };
}

export function unreachable(url: URL, error: unknown): AppError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new AppError('url_unreachable', `${url.host} could not be reached: ${code ?? message}.`, {
    cause: error,
  });
}

/** The value, or the signal's reason as soon as it aborts: for what can't be aborted itself. */
async function orAbort<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let leave = () => {};
  const aborted = new Promise<never>((_, fail) => {
    leave = () => fail(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', leave));
}
