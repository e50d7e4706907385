import type { IncomingMessage } from 'node:http';
import type { Attempt } from '../../src/db/webhook-work.ts';
import { AppError } from '../../src/errors.ts';
import type { Reach } from '../../src/net/addresses.ts';
import { checkDestination, notReachable } from '../../src/webhooks/destinations.ts';
import { signatureHeaders } from '../../src/webhooks/signing.ts';
import { pinnedRequest, type Resolve, resolveByDns } from '../net/pinned-request.ts';

/** What is read of a reply: enough to see what a receiver complains of. */
const replyBytes = 1000;

export interface SenderOptions {
  unseal: (sealed: Buffer) => string;
  reach: Reach;
  userAgent: string;
  /** Longest time of one try in all, milliseconds. */
  timeoutMs: number;
  /** The system's resolver unless told otherwise. */
  resolve?: Resolve;
}

export interface OutgoingWebhook {
  id: string;
  url: string;
  payload: string;
  /** Sealed. Each signs. */
  secrets: readonly Buffer[];
}

export type Sent = Attempt & {
  /** What the receiver asks for by Retry-After, seconds. */
  retryAfter: number | null;
};

/** One try. Whatever goes wrong is a result, a secret that can't be opened too; throws only the signal's reason. */
export type WebhookSender = (webhook: OutgoingWebhook, signal: AbortSignal) => Promise<Sent>;

export function createWebhookSender(options: SenderOptions): WebhookSender {
  return async (webhook, signal) => {
    const late = AbortSignal.timeout(options.timeoutMs);
    const started = performance.now();
    const ms = () => Math.round(performance.now() - started);
    try {
      const response = await post(webhook, options, AbortSignal.any([signal, late]));
      const reply = await beginning(response);
      const status = response.statusCode ?? 0;
      return { ms: ms(), status, error: complaint(status), reply, retryAfter: retryAfterOf(response) };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const text = late.aborted
        ? `The receiver did not answer within ${options.timeoutMs / 1000} s.`
        : error instanceof AppError
          ? error.message
          : `The reply could not be read: ${(error as Error).message}.`;
      return { ms: ms(), status: null, error: text, reply: null, retryAfter: null };
    }
  };
}

async function post(
  { id, payload: body, secrets, url }: OutgoingWebhook,
  { reach, resolve = resolveByDns, unseal, userAgent }: SenderOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const target = new URL(url);
  checkDestination(target, reach);
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'User-Agent': userAgent,
    ...signatureHeaders({ id, at: new Date(), body }, secrets.map(unseal)),
  };
  return pinnedRequest(target, {
    ...{ method: 'POST', headers, body, reach, resolve, signal },
    notAllowed: notReachable,
  });
}

/** How a reply begins, as text that can be stored; null when it is empty. The rest is not waited for. */
async function beginning(response: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    // Leaving the loop closes the connection.
    if (bytes >= replyBytes) break;
  }
  const text = Buffer.concat(parts).subarray(0, replyBytes).toString('utf8').replaceAll('\0', '');
  return text === '' ? null : text;
}

function complaint(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400)
    return `The receiver answers ${status}: redirects are not followed, give the URL that it leads to.`;
  return `The receiver answers ${status}.`;
}

/** Seconds or a date (RFC 9110, 10.2.3); null where there is none that could be read. */
function retryAfterOf({ headers }: IncomingMessage): number | null {
  const given = headers['retry-after'];
  if (given === undefined) return null;
  if (/^\d{1,9}$/.test(given)) return Number(given);
  const at = Date.parse(given);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
