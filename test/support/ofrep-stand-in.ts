import { readBody, type StandInServer, startStandInServer } from './stand-in-server.ts';

export interface OfrepRequest {
  path: string;
  authorization: string | undefined;
  context: { targetingKey: string };
}

/** How the server takes a request: as its flags have it, with a status and no sense, or never. */
export type OfrepBehaviour = { status: number; body?: string } | 'hangs' | 'hangs after the headers';

export interface OfrepStandIn extends StandInServer<OfrepBehaviour, OfrepRequest> {
  /** What it says of flags, by key; what is not in it, it does not know. */
  flags: Record<string, Record<string, unknown>>;
  requests: OfrepRequest[];
}

/** A server of the OpenFeature Remote Evaluation Protocol on loopback. */
export async function startOfrepStandIn(): Promise<OfrepStandIn> {
  const flags: OfrepStandIn['flags'] = {};
  const requests: OfrepRequest[] = [];
  const server = await startStandInServer<OfrepBehaviour, OfrepRequest>(
    async (incoming, outgoing, behaviourFor) => {
      const { context } = JSON.parse((await readBody(incoming)).toString('utf8'));
      const request = {
        path: incoming.url ?? '',
        authorization: incoming.headers.authorization,
        context,
      };
      requests.push(request);
      const behaviour = behaviourFor(request);
      if (behaviour === 'hangs') return;
      outgoing.setHeader('Content-Type', 'application/json');
      if (behaviour === 'hangs after the headers') {
        outgoing.write('{"flags": [');
        return;
      }
      outgoing.statusCode = behaviour?.status ?? 200;
      const all = Object.entries(flags).map(([key, said]) => ({ key, ...said }));
      outgoing.end(behaviour?.body ?? JSON.stringify({ flags: all }));
    },
  );
  return { ...server, flags, requests };
}
