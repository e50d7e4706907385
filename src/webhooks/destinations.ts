import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { literalAddress, mayConnect, type Reach } from '../net/addresses.ts';

export function webhookReach({
  WEBHOOK_PRIVATE_ADDRESSES,
}: Pick<Config, 'WEBHOOK_PRIVATE_ADDRESSES'>): Reach {
  return WEBHOOK_PRIVATE_ADDRESSES === 'allow' ? 'private-too' : 'public';
}

/**
 * What can be said of a destination before its name is resolved: asked when it is given, and again before each try. Plain http
 * is for our own networks only: elsewhere anybody on the way could read and repeat what is sent. `pointer`: where it stood in
 * the request.
 *
 * @throws AppError `webhook_url_refused`
 */
export function checkDestination(url: URL, reach: Reach, pointer = '/url'): void {
  const refused = (detail: string) => refusal(detail, pointer);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && reach === 'private-too'))
    throw refused('Webhooks go to https URLs; to http ones only with WEBHOOK_PRIVATE_ADDRESSES=allow.');
  if (url.username !== '' || url.password !== '')
    throw refused('The URL must not have a user name or password in it: the signature says who sends.');
  const address = literalAddress(url);
  if (address !== undefined && !mayConnect(address, reach)) throw notReachable(url, pointer);
}

export function notReachable({ hostname }: URL, pointer = '/url'): AppError {
  return refusal(
    `The host ${hostname} is not on the public internet: no webhooks go to such addresses (WEBHOOK_PRIVATE_ADDRESSES).`,
    pointer,
  );
}

function refusal(detail: string, pointer: string): AppError {
  return new AppError('webhook_url_refused', detail, { errors: [{ pointer, message: detail }] });
}
