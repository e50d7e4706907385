import { once } from 'node:events';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Log } from '../log.ts';
import type { Reply } from './route.ts';
import { storable } from './schemas.ts';

export interface ServerEvent {
  /** Grows with every event: what a caller who comes back names as the last one it has. */
  id: number;
  event: string;
  data: unknown;
}

/** Query of every route of events. */
export const eventsQuery = z.strictObject({
  starting_after: storable(z.string().regex(/^\d{1,16}$/, 'must be the id of an event'))
    .optional()
    .describe('Id of the last event that you have; the same as Last-Event-ID'),
});

/** The last event that the caller has, by header or by query; 0: none. */
export function lastEventId(raw: Request, startingAfter: string | undefined): number {
  const header = raw.get('last-event-id') ?? '';
  return Number(/^\d{1,16}$/.test(header) ? header : (startingAfter ?? 0));
}

/** Comments between events, so that neither side nor what lies between takes the connection for dead. */
const heartbeatMs = 15_000;
/** A caller whose connection broke comes back after so long. */
const retryMs = 1000;

/**
 * A reply that lasts as long as `events` does, until the caller goes or the process stops: it is to come back then, and any
 * process answers. As https://html.spec.whatwg.org/multipage/server-sent-events.html has it.
 */
export function streamEvents(
  events: (signal: AbortSignal) => AsyncIterable<ServerEvent>,
  { signal, stopping, log }: { signal: AbortSignal; stopping: AbortSignal; log: Log },
): Reply {
  const either = AbortSignal.any([signal, stopping]);
  return {
    status: 200,
    headers: { 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' },
    send: (response) => {
      // Not `type()`: it would add a charset, and this media type has none to add.
      response.setHeader('Content-Type', 'text/event-stream');
      response.flushHeaders();
      void write(response, events(either), either).catch((error) => {
        if (!either.aborted) log.warn({ err: error }, 'a stream of events broke off');
        response.destroy();
      });
    },
  };
}

async function write(
  response: Response,
  events: AsyncIterable<ServerEvent>,
  signal: AbortSignal,
): Promise<void> {
  response.write(`retry: ${retryMs}\n\n`);
  const heartbeat = setInterval(() => response.write(': still here\n\n'), heartbeatMs);
  try {
    for await (const { id, event, data } of events) {
      if (signal.aborted) break;
      const room = response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      if (!room) await once(response, 'drain', { signal });
    }
  } finally {
    clearInterval(heartbeat);
  }
  response.end();
}
