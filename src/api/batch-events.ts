import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { principalOf } from '../access.ts';
import { type BatchRow, findBatch } from '../db/batches.ts';
import type { ApiContext } from './app.ts';
import { batchesPath, toBatch } from './batch-resource.ts';
import { whyWaiting } from './batch-waiting.ts';
import { type AnyRoute, type Caller, route } from './route.ts';
import { idParams } from './schemas.ts';
import { eventsQuery, lastEventId, type ServerEvent, streamEvents } from './server-sent-events.ts';

const leastMs = 300;
/** A look may take this share of the time at most, however large the batch is. */
const share = 0.1;

export function batchEventRoute(
  context: ApiContext,
  mustExist: (id: string, caller: Caller) => Promise<BatchRow>,
): AnyRoute {
  const { log, stopping } = context;
  return route({
    method: 'get',
    paths: [`${batchesPath}/{id}/events`],
    scope: 'read',
    tag: 'ingestion',
    summary:
      'Progress as server-sent events: `progress` with the batch whenever its counts change, at the end `completed` or `cancelled`',
    params: idParams,
    query: eventsQuery,
    responses: {
      200: { description: 'Events', schema: z.string(), mediaType: 'text/event-stream' },
      204: { description: 'You have the last event already' },
    },
    handler: async ({ params, query, caller, raw, signal }) => {
      const row = await mustExist(params.id, caller);
      const after = lastEventId(raw, query.starting_after);
      // What keeps a browser from coming back for ever.
      if (toBatch(row, null).is_terminal && after >= row.changed) return { status: 204 };
      return streamEvents((either) => follow(context, { row, caller }, after, either), {
        signal,
        stopping,
        log,
      });
    },
  });
}

/** Each event is the whole batch, so who comes back misses nothing by getting the newest only. Ids are moments of change. */
async function* follow(
  context: ApiContext,
  { row: first, caller }: { row: BatchRow; caller: Caller },
  after: number,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  let last = after;
  let sent = '';
  for (let row: BatchRow | undefined = first; row && !signal.aborted; ) {
    const shown = toBatch(row, null);
    const state = JSON.stringify([shown.counts, shown.receiving, shown.status, shown.error]);
    if (state !== sent) {
      const event = shown.is_terminal ? (row.cancelled_at ? 'cancelled' : 'completed') : 'progress';
      last = Math.max(last + 1, row.changed);
      yield { id: last, event, data: { ...shown, waiting: await whyWaiting(row, context) } };
      sent = state;
      if (shown.is_terminal) return;
    }
    const started = performance.now();
    row = await findBatch(context.db, first.id, principalOf(caller));
    const took = performance.now() - started;
    await pause(Math.max(leastMs, took / share), undefined, { signal }).catch(() => undefined);
  }
}
