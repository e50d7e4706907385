import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { AppError } from '../../src/errors.ts';
import { literalAddress, mayConnect, type Reach } from '../../src/net/addresses.ts';

export interface Address {
  address: string;
  family: number;
}

/** All addresses of a host name. */
export type Resolve = (hostname: string) => Promise<Address[]>;

export const resolveByDns: Resolve = (hostname) => lookup(hostname, { all: true, verbatim: true });

export interface PinnedRequestOptions {
  method?: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: string;
  reach: Reach;
  resolve: Resolve;
  /** What is said of a host that has an address beyond `reach`. */
  notAllowed: (url: URL) => AppError;
  signal: AbortSignal;
}

/**
 * One request, without following redirects. The name is resolved once, every address it has must be allowed, and the
 * connection goes to those very addresses: a name that changes its mind in between changes nothing. Host header and the name
 * in TLS stay.
 *
 * @throws AppError `url_unreachable`, what `notAllowed` makes; the signal's reason once it aborts
 */
export async function pinnedRequest(url: URL, options: PinnedRequestOptions): Promise<IncomingMessage> {
  const { body, headers, method = 'GET', notAllowed, reach, resolve, signal } = options;
  const addresses = await orAbort(signal, addressesOf(url, resolve));
  if (!addresses.every(({ address }) => mayConnect(address, reach))) throw notAllowed(url);
  const send = url.protocol === 'https:' ? secureRequest : plainRequest;
  return new Promise((done, fail) => {
    // An agent of its own: none that keeps connections by name, none that takes a proxy from the environment.
    const lookup = pinnedTo(addresses);
    const request = send(url, { method, headers, signal, agent: false, lookup }, done);
    request.on('error', (error) => fail(signal.aborted ? signal.reason : unreachable(url, error)));
    request.end(body);
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
