import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as afterPolling, setTimeout as pause } from 'node:timers/promises';

const lookMs = 20;

/**
 * Prepares a server to be stopped without cutting a request off, and returns what stops it. From then on every response asks
 * its caller to close the connection, and the server closes once none is open or `patienceMs` have passed: a connection
 * that is closed under a caller who is just sending would look like a lost request.
 */
export function drainable(server: Server): (patienceMs: number) => Promise<void> {
  const sockets = new Set<Socket>();
  const responses = new Set<ServerResponse>();
  let draining = false;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // Before the application: it may answer within this very turn.
  server.prependListener('request', (_request, response: ServerResponse) => {
    if (draining) response.shouldKeepAlive = false;
    responses.add(response);
    response.once('close', () => responses.delete(response));
  });
  return async (patienceMs) => {
    draining = true;
    for (const response of responses) response.shouldKeepAlive = false;
    const end = performance.now() + patienceMs;
    while (sockets.size > 0 && performance.now() < end) await pause(lookMs);
    // Connections that the kernel has made are accepted when the loop polls; those it still holds would be reset.
    await afterPolling();
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    await closed;
  };
}
