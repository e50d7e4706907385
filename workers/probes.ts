import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bounded } from '../src/bounded.ts';
import { sameHash } from '../src/keys.ts';
import type { Foundation } from '../src/service.ts';

/** Longest the database may keep /health/ready waiting, milliseconds. */
const checkMs = 2000;

interface Reply {
  status: number;
  body: string;
  type: string;
}

export interface Probes {
  url: string;
  /** From now on /health/ready depends on the database alone, until the process is asked to stop. */
  started(): void;
}

/**
 * What an orchestrator asks a worker: /health/live, /health/ready and /metrics, on a port of its own. Closed after the
 * workers, so that a process that is finishing its jobs is seen alive, not ready, and can still be scraped.
 */
export async function openProbes(foundation: Foundation, port: number): Promise<Probes> {
  const { config, log, shutdown } = foundation;
  let working = false;
  const server = createServer((request, response) => {
    answer(foundation, request, working).then(
      (reply) => send(response, reply, request.method === 'HEAD'),
      (error) => {
        log.warn({ err: error, path: request.url }, 'a probe failed');
        send(response, json(500, 'error'));
      },
    );
  });
  server.listen(port, config.HOST);
  await once(server, 'listening');
  shutdown.add('probes', async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const { port: taken } = server.address() as AddressInfo;
  const url = `http://${config.HOST === '0.0.0.0' ? '127.0.0.1' : config.HOST}:${taken}`;
  log.info({ url }, 'probes');
  return {
    url,
    started: () => {
      working = true;
    },
  };
}

async function answer(
  { config, db, metrics, shutdown }: Foundation,
  { method, url = '/', headers }: IncomingMessage,
  working: boolean,
): Promise<Reply> {
  if (method !== 'GET' && method !== 'HEAD') return json(405, 'method_not_allowed');
  const [path] = url.split('?');
  if (path === '/health/live') return json(200, 'live');
  if (path === '/health/ready') {
    if (shutdown.signal.aborted) return json(503, 'stopping');
    if (!working) return json(503, 'starting');
    return (await bounded(db.raw('select 1'), checkMs))
      ? json(200, 'ready')
      : json(503, 'database_unavailable');
  }
  if (path !== '/metrics') return json(404, 'not_found');
  if (config.METRICS_TOKEN && !same(headers.authorization ?? '', `Bearer ${config.METRICS_TOKEN}`))
    return json(401, 'unauthenticated');
  return { status: 200, body: await metrics.registry.metrics(), type: metrics.registry.contentType };
}

const same = (a: string, b: string) => sameHash(Buffer.from(a), Buffer.from(b));

function json(status: number, word: string): Reply {
  return { status, body: JSON.stringify({ status: word }), type: 'application/json' };
}

function send(response: ServerResponse, { status, body, type }: Reply, headOnly = false): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
  });
  response.end(headOnly ? undefined : body);
}
