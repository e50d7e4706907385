import { setTimeout as pause } from 'node:timers/promises';
import { type Client, createClient, type Reply } from '../support/http.ts';
import type { Ack, Entry } from './ledger.ts';
import { adminKey } from './product.ts';
import type { Random } from './random.ts';
import { say } from './say.ts';

/** How long a caller goes on trying one request, and waits for one reply. */
const patienceMs = 300_000;
const replyMs = 20_000;

/** A caller as they should be: tries again what was cut off or put off, under the same name, until it is accepted. */
export function openClient(url: () => string, random: Random) {
  return async function submit(entry: Entry, id?: string): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      const started = performance.now();
      const reply = await send(createClient(url(), adminKey), entry, id);
      if (reply === undefined) entry.cutOff++;
      else if (reply === 'away') entry.away++;
      else if (isAccepted(reply, entry)) {
        entry.ack = toAck(reply, started);
        return;
      } else if (isPutOff(reply)) entry.putOff++;
      else {
        entry.refusal = `${reply.status} ${reply.text.slice(0, 300)}`;
        return;
      }
      await pause(100 + random.int(400));
    }
  };
}

/** Undefined when no whole reply came, `away` when no connection did. */
async function send(
  client: Client,
  entry: Entry,
  id: string | undefined,
): Promise<Reply | 'away' | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, replyMs, undefined).unref());
  const path = { batch: 'ingestion-batches', answer: 'answers', delete: `documents/${id}` }[
    entry.kind as string
  ];
  const headers = entry.externalIds.length === 1 ? {} : { 'Idempotency-Key': entry.key };
  const call =
    entry.kind === 'delete'
      ? client.delete(`/api/v1/${path}`)
      : client.post(`/api/v1/${path ?? 'documents'}`, entry.body, headers);
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string };
    if (code === 'ECONNREFUSED') return 'away';
    say(`${entry.key} was cut off: ${code ?? error}`);
    return undefined;
  }
}

/** A delete that was cut off and done meanwhile finds nothing any more. */
function isAccepted({ status }: Reply, { kind, cutOff }: Entry): boolean {
  return status === 200 || status === 202 || (kind === 'delete' && status === 404 && cutOff > 0);
}

function isPutOff({ status, body }: Reply): boolean {
  return status >= 500 || status === 429 || body?.code === 'idempotency_in_progress';
}

function toAck({ status, body }: Reply, started: number): Ack {
  const at = performance.now();
  return { at, status, id: body?.id ?? '', ms: at - started };
}
