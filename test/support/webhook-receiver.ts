import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { waitFor } from './wait-for.ts';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface WebhookReceiver {
  /** Of a path of its own, so that one receiver serves many tests. */
  url(path: string): string;
  /** What came to a path so far. */
  received(path: string): Received[];
  /** The same, once there are so many. */
  receives(path: string, count: number): Promise<Received[]>;
  /** How a path answers from now on; 204 unless told otherwise. */
  answers(path: string, reply: (response: ServerResponse, nth: number) => void): void;
  close(): Promise<void>;
}

/** A real receiver on loopback. */
export async function openReceiver(): Promise<WebhookReceiver> {
  const all: Received[] = [];
  const replies = new Map<string, (response: ServerResponse, nth: number) => void>();
  const of = (path: string) => all.filter((one) => one.path === path);
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const path = request.url ?? '';
    all.push({ path, headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
    const reply = replies.get(path);
    if (reply) reply(response, of(path).length);
    else response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    received: of,
    receives: (path, count) =>
      waitFor(`${path} has received ${count}`, () => of(path).length >= count && of(path)),
    answers: (path, reply) => void replies.set(path, reply),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** What it says, as the official verifier of Standard Webhooks reads it; throws where it does not verify. */
export function verify({ body, headers }: Received, secret: string): unknown {
  return new Webhook(secret).verify(body, headers as Record<string, string>);
}
