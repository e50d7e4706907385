import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StandInServer<Behaviour, Request> {
  /** Without a path. */
  origin: string;
  /** A list is used up one request at a time, then requests are answered properly again; a function stays. */
  script(script: Behaviour[] | ((request: Request) => Behaviour | undefined)): void;
  /** Requests whose caller went away before the answer was all there. */
  abandoned(): number;
  close(): Promise<void>;
}

type Answer<Behaviour, Request> = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  /** What the script wants for this request; undefined: a proper answer. */
  behaviourFor: (request: Request) => Behaviour | undefined,
) => Promise<void>;

/** A server on a free local port that a test tells, request by request, how to behave. */
export async function startStandInServer<Behaviour, Request>(
  answer: Answer<Behaviour, Request>,
): Promise<StandInServer<Behaviour, Request>> {
  let abandoned = 0;
  let script: Behaviour[] | ((request: Request) => Behaviour | undefined) = [];
  const behaviourFor = (request: Request) =>
    typeof script === 'function' ? script(request) : script.shift();
  const server = createServer((incoming, outgoing) => {
    outgoing.on('close', () => {
      if (!outgoing.writableEnded) abandoned += 1;
    });
    answer(incoming, outgoing, behaviourFor).catch((error) => outgoing.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    script(next) {
      script = Array.isArray(next) ? [...next] : next;
    },
    abandoned: () => abandoned,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

export async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}
