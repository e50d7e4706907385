import { z } from 'zod';
import type { Access } from '../access.ts';
import { type EventRow, readEvents } from '../db/answer-events.ts';
import type { AnswerRow } from '../db/answers.ts';
import { AppError } from '../errors.ts';
import { isTerminal, toAnswer } from './answer-resource.ts';
import type { ApiContext } from './app.ts';
import { type AnyRoute, type Caller, route } from './route.ts';
import { idParams } from './schemas.ts';
import { eventsQuery, lastEventId, type ServerEvent, streamEvents } from './server-sent-events.ts';

/** The answer, for this caller; throws `not_found`. */
export type FindAnswer = (id: string, caller: Caller) => Promise<AnswerRow>;

export function answerEventRoute(context: ApiContext, find: FindAnswer): AnyRoute {
  return route({
    method: 'get',
    paths: ['/api/v1/answers/{id}/events'],
    scope: 'read',
    tag: 'answers',
    summary:
      'Progress as server-sent events, numbered without gaps: `step`, `delta` (a draft, not yet held against the sources), `restart` (what was drafted is void), `source` (a verified one), at the end the answer as `completed`, `failed`, `cancelled` or `expired`',
    params: idParams,
    query: eventsQuery,
    responses: {
      200: { description: 'Events', schema: z.string(), mediaType: 'text/event-stream' },
      204: { description: 'You have the last event already' },
    },
    handler: async ({ params, query, caller, raw, signal }) => {
      const row = await find(params.id, caller);
      const asked = lastEventId(raw, query.starting_after);
      const ended = isTerminal(row.status);
      // What keeps a browser from coming back for ever.
      if (ended && row.event_seq > 0 && asked >= row.event_seq) return { status: 204 };
      const after = Math.min(asked, row.event_seq);
      if (ended && (await readEvents(context.db, row.id, after, caller.access)).length === 0)
        throw new AppError('gone', 'The events of this answer are no longer kept: read the answer itself.');
      const { log, stopping } = context;
      const latest = () => find(row.id, caller);
      return streamEvents(
        (either) => follow(context, { id: row.id, after, access: caller.access }, latest, either),
        {
          ...{ signal, stopping, log },
        },
      );
    },
  });
}

/** Events after number `after`, as they come, to the terminal one; to where the answer is when it is deleted meanwhile. */
async function* follow(
  { db, notifications }: ApiContext,
  { id, after, access }: { id: string; after: number; access: Access | undefined },
  latest: () => Promise<AnswerRow>,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  const changes = watchChanges(notifications, id, signal);
  try {
    for (let last = after; !signal.aborted; await changes.next()) {
      const ended = changes.ended() && (await latest()).event_seq;
      for (let events = await readEvents(db, id, last, access); events.length > 0; ) {
        for (const event of events) {
          if (event.seq !== last + 1) return;
          yield await toServerEvent(event, latest);
          if (isEnd(event.type)) return;
          last = event.seq;
        }
        events = await readEvents(db, id, last, access);
      }
      // It has ended, and its end can't be told: its events were removed for their age.
      if (ended !== false && last < ended) return;
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
  } finally {
    changes.stop();
  }
}

function watchChanges(notifications: ApiContext['notifications'], id: string, signal: AbortSignal) {
  let changed = false;
  let ended = false;
  let wake: () => void = () => undefined;
  const stop = notifications.watch(id, (hasEnded) => {
    changed = true;
    ended ||= hasEnded;
    wake();
  });
  signal.addEventListener('abort', () => wake(), { once: true });
  return {
    stop,
    ended: () => ended,
    next: async () => {
      if (!changed && !signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      changed = false;
    },
  };
}

function isEnd(type: EventRow['type']): type is 'completed' | 'failed' | 'cancelled' | 'expired' {
  return type !== 'step' && type !== 'delta' && type !== 'source' && type !== 'restart';
}

/** Sources and ends are shown from the answer itself, so that a deleted document is in neither. */
async function toServerEvent(
  { seq, type, data }: EventRow,
  latest: () => Promise<AnswerRow>,
): Promise<ServerEvent> {
  if (isEnd(type)) return { id: seq, event: type, data: toAnswer(await latest()) };
  if (type !== 'source') return { id: seq, event: type, data };
  const { sources = [] } = toAnswer(await latest()) as { sources?: { n: number }[] };
  return { id: seq, event: type, data: sources.find(({ n }) => n === data.n) ?? data };
}
