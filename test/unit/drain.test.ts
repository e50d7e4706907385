import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { drainable } from '../../src/api/drain.ts';

const agents: Agent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

/** A server that answers when it is told to, and callers that keep their connection. */
async function setUp() {
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/at-once') response.end('done');
    else waiting.push(() => response.end('done'));
  });
  const drain = drainable(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const caller = () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    agents.push(agent);
    return async (path: string): Promise<IncomingMessage> => {
      const [response] = (await once(get({ port, host: '127.0.0.1', path, agent }), 'response')) as [
        IncomingMessage,
      ];
      response.resume();
      await once(response, 'end');
      return response;
    };
  };
  return { server, drain, caller, waiting };
}

describe('drain', () => {
  it('lets a running request end and a kept connection send its next one, and asks both to close', async () => {
    const { server, drain, caller, waiting } = await setUp();
    const [slow, kept] = [caller(), caller()];
    expect((await kept('/at-once')).headers.connection).toBe('keep-alive');
    const arrived = once(server, 'request');
    const running = slow('/later');
    await arrived;

    const drained = drain(60_000);
    expect((await kept('/at-once')).headers.connection).toBe('close');
    waiting[0]?.();
    expect((await running).headers.connection).toBe('close');
    await drained;
    expect(server.listening).toBe(false);
  });

  it('closes connections that nobody uses when its patience ends', async () => {
    const { server, drain, caller } = await setUp();
    await caller()('/at-once');
    await drain(50);
    expect(server.listening).toBe(false);
  });
});
