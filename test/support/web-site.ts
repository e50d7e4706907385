import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface WebSite {
  url: string;
  port: number;
  /** Every request so far. */
  seen: IncomingMessage[];
  /** Paths asked for so far, but robots.txt. */
  paths(): string[];
  close(): Promise<void>;
}

export type Pages = Record<string, (request: IncomingMessage, response: ServerResponse) => void>;

/** A real server on loopback. What `pages` does not have is 404. */
export async function openWebSite(pages: Pages): Promise<WebSite> {
  const seen: IncomingMessage[] = [];
  const answer: RequestListener = (request, response) => {
    seen.push(request);
    const page = pages[request.url ?? ''];
    if (page) page(request, response);
    else response.writeHead(404).end('nothing here');
  };
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    paths: () => seen.map(({ url }) => url ?? '').filter((path) => path !== '/robots.txt'),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

export function redirectTo(location: string, status = 302): Pages[string] {
  return (_request, response) => void response.writeHead(status, { Location: location }).end();
}

export function page(body: string | Buffer, headers: Record<string, string> = {}): Pages[string] {
  return (_request, response) => void response.writeHead(200, headers).end(body);
}
