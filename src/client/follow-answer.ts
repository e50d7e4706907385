import { mayPass, pause, pauseAfter, type Send } from './http.ts';
import { type EventReader, readEvents, type WireEvent } from './read-events.ts';
import { type AnswerEvent, terminalEvents } from './types.ts';

/** The service sends a heartbeat every 15 s: after three that did not come the connection is taken for dead. */
const idleMs = 45_000;
/** Before a stream that broke is opened again, unless it says otherwise. */
const usualRetryMs = 1000;
/** Connections in a row that brought nothing before it is given up. */
const fruitless = 6;

export interface FollowOptions {
  signal?: AbortSignal | undefined;
  /** Id of the last event that the caller has. */
  after?: string | undefined;
}

/**
 * The events of an answer, each once and in order, to the terminal one. A connection that was cut is opened again after the last
 * event that came, at whichever process answers.
 *
 * @throws ApiError for what does not pass (404, 410); TypeError when nobody answers for long; the signal's reason
 */
export async function* followAnswer(
  send: Send,
  path: string,
  { after, signal }: FollowOptions = {},
): AsyncGenerator<AnswerEvent> {
  let last = after;
  let retryMs = usualRetryMs;
  for (let barren = 0; barren <= fruitless; barren++) {
    let trouble: unknown;
    let reader: EventReader | undefined;
    try {
      const headers = { Accept: 'text/event-stream', ...(last ? { 'Last-Event-ID': last } : {}) };
      const response = await send(path, { headers, signal });
      // The caller has the last event already.
      if (response.status === 204 || !response.body) return;
      reader = readEvents(response.body, idleMs);
      for await (const wire of reader.events) {
        if (last !== undefined && !isAfter(wire.id, last)) continue;
        last = wire.id || last;
        barren = 0;
        yield toEvent(wire);
        if (isTerminal(wire.event)) return;
      }
    } catch (error) {
      if (signal?.aborted || !broken(error) || barren === fruitless) throw error;
      trouble = error;
    }
    retryMs = reader?.retryMs ?? retryMs;
    // What brought something is opened again at once; what did not, after longer and longer.
    await pause(barren > 0 ? Math.max(retryMs, pauseAfter(trouble, barren)) : retryMs, signal);
  }
  throw new TypeError('The stream of events ends again and again before its last one.');
}

/** A stream that breaks off amid an event throws what is no ApiError. */
function broken(error: unknown): boolean {
  return mayPass(error) || (error instanceof Error && error.name === 'AbortError');
}

const isTerminal = (event: string) => (terminalEvents as readonly string[]).includes(event);

/** Ids are growing whole numbers; others are told apart only by being the same. */
function isAfter(id: string, last: string): boolean {
  return /^\d+$/.test(id) && /^\d+$/.test(last) ? Number(id) > Number(last) : id !== last;
}

function toEvent({ data, event, id }: WireEvent): AnswerEvent {
  return { id, type: event, data: JSON.parse(data) } as AnswerEvent;
}
